"""Reports: a table of figures becomes a document that people read."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from jobs import File, Retry, current_job, task
from jobs.settings import current_settings

ColumnName = Annotated[str, StringConstraints(min_length=1, max_length=200)]

_PDF = "application/pdf"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@task(timeout=900, retry=Retry(max=2))
def summary(
    data: File,
    group_by: ColumnName,
    totals: Annotated[list[ColumnName], Field(min_length=1, max_length=6)],
    title: Annotated[str, StringConstraints(max_length=120)] = "",
    top: Annotated[int, Field(ge=3, le=200)] = 20,
    decimal: Literal["auto", ".", ","] = "auto",
) -> dict[str, Any]:
    """Group a CSV file by one column, total others, and make a PDF with table and chart and an Excel file of it.

    Groups are ranked by the first total. The PDF shows the `top` of them and the rest as "others"; the Excel file
    shows all. Cells that are not numbers are counted and named, never lost in silence. The file is read row by row.
    """
    from . import _pdf, _totals, _xlsx

    job, size = current_job(), data.size
    with data.open() as stream:
        result = _totals.summarise(
            stream,
            data.name,
            group_by=group_by,
            totals=totals,
            sign=decimal,
            tell=lambda done, rows: job.progress(done, size, f"{rows:,} rows read"),
        )
    made = datetime.now(UTC).astimezone(current_settings().zone)
    heading = title.strip() or f"{', '.join(c.name for c in result.columns)} by {result.group_by}"
    pdf = job.artifact("summary.pdf", _pdf.document(result, heading, top=top, made=made), _PDF)
    xlsx = job.artifact("summary.xlsx", _xlsx.workbook(result, heading, made=made), _XLSX)
    job.progress(size, size, f"{result.rows:,} rows, {len(result.groups):,} groups")
    return {
        "rows": result.rows,
        "groups": len(result.groups),
        "totals": {column.name: _plain(column.total) for column in result.columns},
        "notes": result.notes(),
        "pdf": pdf.id,
        "xlsx": xlsx.id,
    }


def _plain(total: Decimal) -> int | float:
    return int(total) if total == total.to_integral_value() else float(total)
