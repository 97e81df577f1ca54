"""Whole networks, coinfer beside its peers: ``script/bench networks``.

Every network is measured three ways: one request at a time with all threads (latency), several in
flight on streams of one thread (throughput, asyncio), and from the start of a process (import,
compile, first inference, peak memory).
"""
