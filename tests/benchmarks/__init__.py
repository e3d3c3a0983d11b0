"""What relaxed programs cost, beside AlgoVision and hand-written torch: `python -m tests.benchmarks`."""
