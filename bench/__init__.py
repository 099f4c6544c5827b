"""Benchmarks against peers: `pip install -r bench/requirements.txt`, then see docs/performance.md."""
