"""The doctor: looks at a deployment and says what is wrong with it, how bad that is, and what to do.

`checks` is the table that apps fill, `examining` asks all of them and keeps what they said; the modules `of_…` have the
checks of the ground.
"""
