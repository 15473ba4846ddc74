"""Google Sheets v4, Drive v3, the token endpoint and iamcredentials, on 127.0.0.1.

    with SheetsServer() as google:
        email = google.service_account_file(path)
        key = google.create("Tracker", tabs=("Track",)).book.key
        google.share(key, email)
        ...  # a program that sends everything to google.url, with the host that it means in X-Original-Host
        google.curator(key).tab("Track").sort("Accession")
        google.between = lambda server, request: ...  # called before each request is done
        google.fail(Fault(status=503), times=2, when=lambda request: request.kind == "write")
        assert (google.log.reads, google.log.writes, google.log.cells_written) == (2, 1, 40)

Every request and every answer is checked against Google's discovery documents. An answer that these do not allow, a
request that is not modelled, an exception in here: each fails the test when the server closes. Where Google's service
was recorded (test_sheets_recordings), the server answers as it did. It is no proof of what Google does elsewhere.

Not modelled:
- formulas but for literals, arithmetic with them, one reference and HYPERLINK: others show #ERROR!;
- effectiveFormat is what was entered: no defaults, no conditional formats, no theme; formats of numbers beyond dates,
  times, thousands, decimals and percent; locales other than en_US;
- filters hide rows by hidden values only, and when they are set; a sort moves hidden rows, too;
- charts as they are given: no defaults, no moving anchor, and a chart is gone with a column that it shows;
- tables, banding, slicers, pivot tables, filter views, data sources, comments, smart chips, images; undo, revisions;
- PROJECT visibility of developer metadata, its limit in characters, and search for it;
- whether ranges without an end are given back with one: here as they came, but for the basic filter;
- the widths of letters (autoResizeDimensions), and the size limit of a request.

Not certain, for lack of a recording: the words of most refusals; moves of a column out of, or to the edge of, a range
that is wider; which of two answers Google gives in the cases of Ways.
"""

from tests.servers.sheets.curator import Curator, Tab
from tests.servers.sheets.edits import Ways
from tests.servers.sheets.server import Fault, Limits, Request, SheetsServer

__all__ = ["Curator", "Fault", "Limits", "Request", "SheetsServer", "Tab", "Ways"]
