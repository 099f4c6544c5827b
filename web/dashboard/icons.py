"""Line icons on a 20 x 20 grid, drawn for this dashboard."""

from __future__ import annotations

from markupsafe import Markup

ICONS = {
    name: Markup(shape)  # noqa: S704 - constants of this file # nosec B704
    for name, shape in {
        "overview": '<path d="M3 11.5 6.5 7l3.5 4 3-5.5 4 6"/><path d="M3 16h14"/>',
        "jobs": '<path d="M7 5h10M7 10h10M7 15h10"/><path d="M3.5 5h.01M3.5 10h.01M3.5 15h.01"/>',
        "failures": '<path d="M10 3.5 17.5 16h-15z"/><path d="M10 8.5v3.5M10 14h.01"/>',
        "queues": '<rect x="3" y="4" width="14" height="4" rx="1"/><rect x="3" y="12" width="14" height="4" rx="1"/>',
        "schedules": '<circle cx="10" cy="10" r="7"/><path d="M10 6v4.2l2.8 1.8"/>',
        "workers": '<rect x="5.5" y="5.5" width="9" height="9" rx="1.6"/>'
        '<path d="M8 2.8v2.7M12 2.8v2.7M8 14.5v2.7M12 14.5v2.7M2.8 8h2.7M2.8 12h2.7M14.5 8h2.7M14.5 12h2.7"/>',
        "tasks": '<path d="M7.5 6 4 10l3.5 4M12.5 6l3.5 4-3.5 4"/>',
        "webhooks": '<circle cx="5" cy="14" r="2"/><circle cx="15" cy="14" r="2"/><circle cx="10" cy="5.5" r="2"/>'
        '<path d="M9 7.3 6 12.2M7 14h6M11 7.3l3 4.9"/>',
        "audit": '<path d="M5 3h7l3 3v11H5z"/><path d="M8 9h4.5M8 12h4.5"/>',
        "settings": '<path d="M3 6h8M15 6h2M3 14h2M9 14h8"/>'
        '<circle cx="13" cy="6" r="1.9"/><circle cx="7" cy="14" r="1.9"/>',
        "system": '<rect x="3" y="4" width="14" height="9.5" rx="1.5"/><path d="M7.5 17h5"/>',
        "light": '<circle cx="10" cy="10" r="3.2"/>'
        '<path d="M10 2.8v1.6M10 15.6v1.6M2.8 10h1.6M15.6 10h1.6"/>'
        '<path d="M4.9 4.9 6 6M14 14l1.1 1.1M15.1 4.9 14 6M6 14l-1.1 1.1"/>',
        "dark": '<path d="M16.5 12.2A7 7 0 0 1 7.8 3.5a7 7 0 1 0 8.7 8.7z"/>',
    }.items()
}
