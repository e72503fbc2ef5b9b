"""The bounds of a connection: how much may be sent, how long each part may take, and how many there may be at once.

They hold for everybody, signed in or not, at every address. What an operation of the API takes is less, which
`diamondhub.access` checks.
"""

from __future__ import annotations

#: Longest first line and longest head of a request (bytes), and the most fields of a head.
MAX_REQUEST_LINE = 8190
MAX_HEAD = 32_768
MAX_FIELDS = 100
#: Longest body at any address (bytes): the forms of the largest rules, and what the API takes of a rule. Refused unread.
MAX_BODY = 1_000_000

#: A whole head must be there so long after its first byte, or after connecting without one (seconds).
HEAD_SECONDS = 10.0
#: A whole body must be there so long after its head (seconds): 1 MB at 33 kB a second.
BODY_SECONDS = 30.0
#: A connection that was answered may stay open unused for so long (seconds), longer than proxies in front keep theirs.
IDLE_SECONDS = 75.0
#: A reader must take so much of its answer (bytes) in each such window (seconds), or all that is left.
READING_SECONDS = 15.0
MIN_READ = 16_384
#: What still comes after a refusal is read and thrown away, so that the refusal arrives: so long, and so much.
LINGER_SECONDS = 2.0
MAX_LINGER = 65_536

#: Connections of one process. One more closes an unused one of the address that has the most.
MAX_CONNECTIONS = 1_000
#: A stream is made so far ahead of its reader (bytes); other answers are made whole and leave their thread.
STREAM_AHEAD = 1_000_000
#: A client's next request is taken up when no more than this is left of its last answer (bytes).
PIPELINED_AHEAD = 65_536

#: Threads of one process, which make answers; as many as it keeps database connections (DATABASE_POOL_SIZE).
THREADS = 8
#: Streams of one process at once: a quarter of its threads.
MAX_STREAMS = THREADS // 4
