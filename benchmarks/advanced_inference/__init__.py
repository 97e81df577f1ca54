"""The ways of docs/advanced-inference.md, each beside the plain one: ``script/bench advanced``.

- ``advanced:reuse``      a request that is used again, and a new one for each inference
- ``advanced:sharing``    inputs and outputs copied or shared, 4 KB to 64 MB
- ``advanced:hiding``     an inference and other work one after the other, and at once
- ``advanced:postponed``  one of eight large outputs taken, and all of them returned
- ``advanced:chaining``   two models in a row by arrays, and by tensors
"""
