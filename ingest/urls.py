"""Addresses of ingestion's API, below `/api/v1/`."""

from __future__ import annotations

from django.urls import URLPattern, path

from ingest import kinds  # noqa: F401 - declares what the API answers with
from ingest.api.dead_letters import Causes, DeadLetters, Discard, LetterPayload, OneLetter, Replay
from ingest.api.feeds import AskAgain, FeedPause, FeedResumption, Feeds, OneFeed, Slots
from ingest.api.partitions import OnePartition, Partitions
from ingest.api.problems import OneProblem, ProblemAcknowledgement, ProblemResolution, Problems, ProblemTakingBack
from ingest.api.proxy import SupplierProxy
from ingest.api.runs import OneRun, RunApproval, RunCancellation, RunRetry, Runs
from ingest.api.verify import Verification

urlpatterns: list[URLPattern] = [
    path("feeds", Feeds.as_view(), name="feeds"),
    path("feeds/<slug:feed>", OneFeed.as_view(), name="feed"),
    path("feeds/<slug:feed>/ask-again", AskAgain.as_view(), name="feed_ask_again"),
    path("feeds/<slug:feed>/pause", FeedPause.as_view(), name="feed_pause"),
    path("feeds/<slug:feed>/resume", FeedResumption.as_view(), name="feed_resume"),
    path("feeds/<slug:feed>/slots", Slots.as_view(), name="slots"),
    path("runs", Runs.as_view(), name="runs"),
    path("runs/<int:number>", OneRun.as_view(), name="run"),
    path("runs/<int:number>/cancellation", RunCancellation.as_view(), name="run_cancellation"),
    path("runs/<int:number>/approval", RunApproval.as_view(), name="run_approval"),
    path("runs/<int:number>/retry", RunRetry.as_view(), name="run_retry"),
    path("runs/<int:number>/partitions", Partitions.as_view(), name="partitions"),
    path("runs/<int:number>/partitions/<int:partition>", OnePartition.as_view(), name="partition"),
    path("dead-letters", DeadLetters.as_view(), name="dead_letters"),
    path("dead-letters/causes", Causes.as_view(), name="dead_letter_causes"),
    path("dead-letters/replay", Replay.as_view(), name="dead_letters_replay"),
    path("dead-letters/discard", Discard.as_view(), name="dead_letters_discard"),
    path("dead-letters/<int:number>", OneLetter.as_view(), name="dead_letter"),
    path("dead-letters/<int:number>/payload", LetterPayload.as_view(), name="dead_letter_payload"),
    path("problems", Problems.as_view(), name="problems"),
    path("problems/<int:number>", OneProblem.as_view(), name="problem"),
    path("problems/<int:number>/acknowledgement", ProblemAcknowledgement.as_view(), name="problem_acknowledgement"),
    path("problems/<int:number>/take-back", ProblemTakingBack.as_view(), name="problem_take_back"),
    path("problems/<int:number>/resolution", ProblemResolution.as_view(), name="problem_resolution"),
    path("diamonds/verify", Verification.as_view(), name="verification"),
    path("suppliers/<slug:feed>/graphql", SupplierProxy.as_view(), name="supplier_proxy"),
]
