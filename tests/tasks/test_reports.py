"""Reports add up, look after bad data, and say what they could not count."""

from __future__ import annotations

import codecs
import csv
import io
import json
import subprocess
import sys
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pypdf
import pytest

from jobs import Discard, enqueue, files
from jobs.errors import InvalidArguments
from jobs.inline import Inline
from jobs.records import Job
from jobs.registry import find
from tasks import _csv
from tasks._totals import MOST_GROUPS
from tasks.reports import summary
from tests.tasks.conftest import FLIGHTS


def report(data: str | bytes | Path, name: str = "data.csv", **args: Any) -> Job:
    raw = data.read_bytes() if isinstance(data, Path) else data.encode() if isinstance(data, str) else data
    return enqueue(summary, files.store(name, raw, "text/csv"), **args)


def sheet_of(inline: Inline, job: Job) -> list[tuple[Any, ...]]:
    book = openpyxl.load_workbook(io.BytesIO(inline.artifacts(job.id)["summary.xlsx"].read()))
    return list(book["Summary"].iter_rows(values_only=True))


def text_of(inline: Inline, job: Job) -> str:
    reader = pypdf.PdfReader(io.BytesIO(inline.artifacts(job.id)["summary.pdf"].read()))
    return "\n".join(page.extract_text() for page in reader.pages)


def test_real_flights_add_up_in_all_three_places(inline: Inline) -> None:
    expected: dict[str, int] = defaultdict(int)
    with FLIGHTS.open(newline="") as stream:
        for row in csv.DictReader(stream):
            expected[row["airline"]] += int(row["distance"])
    job = report(FLIGHTS, "flights.csv", group_by="airline", totals=["distance", "dep_delay"])
    assert job.result["rows"] == 27_004
    assert job.result["groups"] == len(expected) == 16
    assert job.result["totals"] == {"distance": sum(expected.values()), "dep_delay": 265_801}
    assert job.result["notes"] == ["dep_delay: 521 rows without a value."]
    rows = {row[0]: row for row in sheet_of(inline, job)[4:]}
    assert {name: row[2] for name, row in rows.items() if name != "Total"} == expected
    assert rows["Total"][1:4] == (27_004, sum(expected.values()), 265_801)
    text = text_of(inline, job)
    assert "27,188,805" in text
    assert "United Air Lines Inc." in text
    assert "dep_delay: 521 rows without a value." in text


def test_both_documents_have_a_table_and_a_chart(inline: Inline) -> None:
    job = report(FLIGHTS, group_by="origin", totals=["distance"], title="Leaving New York")
    artifacts = inline.artifacts(job.id)
    assert {"summary.pdf", "summary.xlsx"} == set(artifacts)
    assert (job.result["pdf"], job.result["xlsx"]) == (artifacts["summary.pdf"].id, artifacts["summary.xlsx"].id)
    book = openpyxl.load_workbook(io.BytesIO(artifacts["summary.xlsx"].read()))
    assert book.sheetnames == ["Summary", "About"]
    assert len(book["Summary"]._charts) == 1  # type: ignore[attr-defined]  # openpyxl has no public reading of charts
    assert book["Summary"].freeze_panes == "A5"
    reader = pypdf.PdfReader(io.BytesIO(artifacts["summary.pdf"].read()))
    assert reader.metadata is not None
    assert reader.metadata.title == "Leaving New York"
    assert reader.pages[0].get_contents().get_data().count(b" re") > 3  # type: ignore[union-attr]  # the bars


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("Stadt;Betrag\nKöln;1,50\nŁódź;2,25\n", "utf-8"),
        ("Stadt;Betrag\nKöln;1,50\nŁódź;2,25\n", "utf-8-sig"),
        ("Stadt;Betrag\nKöln;1,50\nŁódź;2,25\n", "utf-16"),
        ("Stadt\tBetrag\nKöln\t1,50\nMálaga\t2,25\n", "cp1252"),
        ("Stadt,Betrag\r\nKöln,1.50\r\nMálaga,2.25\r\n", "utf-8"),
        ("Stadt|Betrag\rKöln|1.50\rMálaga|2.25\r", "utf-8"),
        ('"sep=;"\n"Stadt";"Betrag"\n"Köln";"1,50"\n\n"Málaga";"2,25"\n', "utf-8"),
    ],
)
def test_files_are_read_as_people_have_them(data: str, encoding: str, inline: Inline) -> None:
    job = report(data.encode(encoding), group_by="stadt", totals=["Betrag"])
    assert (job.result["rows"], job.result["totals"], job.result["notes"]) == (2, {"Betrag": 3.75}, [])
    assert "Köln" in {row[0] for row in sheet_of(inline, job)}


def test_letters_beyond_the_first_sample_decide_about_the_encoding_too(inline: Inline) -> None:
    start = "name,n\n" + "plain,1\n" * 20_000
    for encoding in ("utf-8", "cp1252"):
        job = report(f"{start}Köln,1\n".encode(encoding), group_by="name", totals=["n"])
        assert {row[0] for row in sheet_of(inline, job)} >= {"plain", "Köln"}


@pytest.mark.parametrize(
    ("text", "sign", "value"),
    [
        ("12", ".", "12"),
        ("-1,234,567.89", ".", "-1234567.89"),
        (" 7 ", ".", "7"),
        ("1'000", ".", "1000"),
        ("1 000,5", ",", "1000.5"),
        ("1.234.567,89", ",", "1234567.89"),
        ("1.234", ",", "1234"),
        ("12", ",", "12"),
        (",5", ",", "0.5"),
        (".5", ".", "0.5"),
        ("1e3", ".", "1000"),
        ("1.234,50", ".", None),
        ("1,23", ".", None),
        ("12.5", ",", None),
        ("1.23.456", ",", None),
        ("1e999", ".", None),
        ("NaN", ".", None),
        ("Infinity", ".", None),
        ("1_000", ".", None),
        ("\u0664\u0662", ".", None),  # digits of another script
        ("12 EUR", ".", None),
        ("", ".", None),
        ("9" * 100_000, ".", None),
    ],
)
def test_a_number_is_read_exactly_or_not_at_all(text: str, sign: str, value: str | None) -> None:
    assert _csv.number(text, sign) == (None if value is None else Decimal(value))


def test_sums_of_money_are_exact(inline: Inline) -> None:
    job = report("k,v\n" + "a,0.1\n" * 3 + "a,1e9\n", group_by="k", totals=["v"])
    assert sheet_of(inline, job)[4][2] == pytest.approx(1_000_000_000.3, abs=1e-9)
    assert job.result["totals"] == {"v": 1_000_000_000.3}


def test_what_is_not_a_number_is_counted_and_shown(inline: Inline) -> None:
    job = report("k,v\na,1\na,x\nb,\nb,NA\nb,2\nc\n", group_by="k", totals=["v"])
    assert job.result["totals"] == {"v": 3}
    assert job.result["notes"] == [
        "v: 2 rows without a value.",
        "v: 1 value is not a number and is not in the total: 'x' in line 3.",
        "1 row left out for more or fewer fields than the header: line 7.",
    ]
    for note in job.result["notes"]:
        assert note in text_of(inline, job).replace("\n", " ")


def test_a_wrong_column_names_those_that_exist(inline: Inline) -> None:
    with pytest.raises(Discard) as caught:
        report(FLIGHTS, "flights.csv", group_by="airlines", totals=["distance"])
    assert str(caught.value).startswith("flights.csv has no column 'airlines'; did you mean 'airline'? it has: date, ")
    with pytest.raises(Discard, match="has 2 columns named 'v'"):
        report("k,v,v\na,1,2\n", group_by="k", totals=["v"])


def test_many_groups_become_a_few_and_others(inline: Inline) -> None:
    data = "k,v\n" + "".join(f"g{i:04},{i}\n" for i in range(1000))
    job = report(data, group_by="k", totals=["v"], top=5)
    text = text_of(inline, job)
    assert "g0999" in text
    assert "995 others" in text
    assert f"{sum(range(995)):,}" in text
    assert len(sheet_of(inline, job)) == 4 + 1000 + 1


def test_a_column_that_identifies_rows_is_refused(inline: Inline) -> None:
    data = "k,v\n" + "".join(f"{i},1\n" for i in range(MOST_GROUPS + 1))
    with pytest.raises(Discard, match="more than 20,000 different values"):
        report(data, group_by="k", totals=["v"])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (codecs.BOM_UTF8, "is empty"),
        (b"PK\x03\x04rest", "is not a text file"),
        (b"\x00\x01\x02", "is not a text file"),
        (b'k,v\na,1\nb,"' + b"x" * 200_000, "from line 3 on"),
    ],
)
def test_what_is_no_csv_file_is_refused_for_good(data: bytes, message: str, inline: Inline) -> None:
    with pytest.raises(Discard, match=message):
        report(data, group_by="k", totals=["v"])


def test_a_header_without_rows_gives_an_empty_report(inline: Inline) -> None:
    job = report("k,v\n", group_by="k", totals=["v"])
    assert (job.result["rows"], job.result["groups"], job.result["totals"]) == (0, 0, {"v": 0})


def test_a_name_that_looks_like_a_formula_stays_text(inline: Inline) -> None:
    job = report("k,v\n=1+1,1\n@x,2\n<b>&,3\na\x0bb,4\n", group_by="k", totals=["v"])
    book = openpyxl.load_workbook(io.BytesIO(inline.artifacts(job.id)["summary.xlsx"].read()))
    cells = {cell.value: cell for cell in book["Summary"]["A"]}
    assert cells["=1+1"].data_type == "s"
    assert cells["=1+1"].quotePrefix
    assert "<b>&" in text_of(inline, job)


def test_all_kinds_of_sums_can_be_drawn(inline: Inline) -> None:
    for values in ([0, 0], [-5, -7], [-5, 7], [10**15, 1]):
        data = "k,v\n" + "".join(f"g{i},{value}\n" for i, value in enumerate(values))
        assert report(data, group_by="k", totals=["v"]).result["totals"] == {"v": sum(values)}


@pytest.mark.parametrize(
    "wrong", [{"totals": []}, {"totals": "v"}, {"top": 0}, {"decimal": ";"}, {"group_by": ""}, {"colour": "red"}]
)
def test_wrong_arguments_are_refused_before_a_job_exists(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidArguments):
        find("reports.summary").validate({"data": "file_" + "0" * 32, "group_by": "k", "totals": ["v"]} | wrong)


_MEASURE = """
import json, resource, sys
from pathlib import Path
from tasks import _pdf, _totals, _xlsx
from datetime import UTC, datetime

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

before = peak()
with Path(sys.argv[1]).open("rb") as stream:
    result = _totals.summarise(stream, "large.csv", group_by="airline", totals=["distance"], tell=lambda *_: None)
_pdf.document(result, "Large", top=20, made=datetime.now(UTC))
_xlsx.workbook(result, "Large", made=datetime.now(UTC))
print(json.dumps({"rows": result.rows, "grown": peak() - before}))
"""


def test_a_large_file_needs_little_memory(tmp_path: Path) -> None:
    """32 MB here, to be quick; memory does not depend on the length, so a limit of 12 MB says it for 100 MB too."""
    header, _, body = FLIGHTS.read_bytes().partition(b"\n")
    large = tmp_path / "large.csv"
    with large.open("wb") as stream:
        stream.write(header + b"\n")
        for _ in range(20):
            stream.write(body)
    run = subprocess.run([sys.executable, "-c", _MEASURE, large], capture_output=True, text=True, check=True)
    measured = json.loads(run.stdout)
    assert large.stat().st_size > 32_000_000
    assert measured["rows"] == 20 * 27_004
    assert measured["grown"] < 12
