"""What runs when, on one screen. The clock reads this file at start; docs/schedules.md explains every option.

every(task, minutes=5)
cron(task, "0 17 * * mon-fri", timezone="Europe/Berlin")
cron(task, day_of_week="mon-fri", hour=17, args={"region": "north"})
once(task, "2026-12-24T18:00", timezone="Europe/Berlin")
"""

from jobs import cron, every

from . import maintenance

every(maintenance.check, minutes=5, description="Are queues and clock keeping up?")

cron(
    maintenance.digest,
    day_of_week="mon-fri",
    hour=7,
    timezone="Europe/Berlin",
    description="Which jobs failed since yesterday morning?",
)
