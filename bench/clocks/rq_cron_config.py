"""What `rq cron` runs: it imports this file and takes what was registered."""

import os

from rq import cron

from bench.clocks.rq_cron import fire

for number in range(int(os.environ["BENCH_SCHEDULES"])):
    cron.register(fire, queue_name="bench", cron="* * * * *", args=(f"s{number}",))
