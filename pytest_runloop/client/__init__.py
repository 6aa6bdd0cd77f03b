"""Speaks the Runloop API: the objects that tests and programs work with, sync and async.

The source is async (`_async`); `scripts/unasync.py` makes the sync twin (`_sync`) from it. The modules
beside them do no input or output of their own, but for `concurrency` and `pools`, whose classes come in
pairs because waiting, threads and connections differ between the two.
"""
