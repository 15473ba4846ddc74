from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.sources.magetab import SDRF_LIMIT, Idf, Methods, Sdrf, encoding, read_analysis_methods, read_idf, read_sdrf

IDF = (
    b"Investigation Title\tMouse liver\n"
    b"Person Email\tcontact@example.org\n"
    b"Comment[EAExperimentType]\tbaseline\n"
    b"Comment[AEExperimentType]\tRNA-seq of coding RNA\n"
    b"Comment[EACurator]\tada\tgrace\n"
    b"Comment[SecondaryAccession]\tGSE1\tERP2\n"
)
SAID = Idf("Mouse liver", ("baseline",), ("RNA-seq of coding RNA",), ("ada", "grace"), ("GSE1", "ERP2"))


@pytest.mark.parametrize(
    "data",
    [
        IDF,
        b"\xef\xbb\xbf" + IDF,
        IDF.replace(b"\n", b"\r\n"),
        IDF.replace(b"\n", b"\r"),
        IDF.rstrip(),
        IDF.replace(b"Comment[", b"COMMENT  [").replace(b"Title", b"TITLE"),
        IDF.replace(b"Comment[", b"Comment ["),
        b"\n".join(b"\t".join(b'"%s"' % cell for cell in line.split(b"\t")) for line in IDF.splitlines()),
        IDF.replace(b"\n", b"\t\t\t\n"),
        IDF.replace(b"Mouse liver", b"  Mouse liver  "),
        IDF.replace(b"\tGSE1\tERP2", b"\tGSE1, ERP2;GSE1;"),
        IDF.replace(b"GSE1\tERP2", b"GSE1\nComment[SecondaryAccession]\tERP2\tGSE1"),
        IDF + b"Comment[EACurator]\t<FILL THIS>\t<fill this>\n",
        IDF + b"Protocol Description\tThe Investigation Title\tComment[EACurator]\n",
        b"Comment[Investigation Title of another]\tnot this\n" + IDF,
    ],
)
def test_an_idf_says_the_same_however_it_is_written(data: bytes) -> None:
    assert read_idf(data) == (SAID, "utf-8")


@pytest.mark.parametrize(
    ("data", "title"),
    [
        (b"", ""),
        (b"Investigation Title", ""),
        (b"Investigation Title\t", ""),
        (b"Investigation Title\t<FILL THIS>\n", ""),
        (b'Investigation Title\t"The ""big"" one"\n', 'The "big" one'),
        (b"Investigation Title\tfirst\nInvestigation Title\tsecond\n", "first"),
        (b"Investigation Title\tnul \0\n", "nul \ufffd"),
        ("Investigation Title\tcaf\u00e9\n".encode(), "caf\u00e9"),
    ],
)
def test_a_title_is_what_stands_behind_its_name(data: bytes, title: str) -> None:
    assert read_idf(data)[0].title == title


@pytest.mark.parametrize(
    ("data", "name", "title"),
    [
        (b"Investigation Title\t\x93quoted\x94 5 \xb5m\n", "cp1252", "\u201cquoted\u201d 5 \u00b5m"),
        (b"Investigation Title\t\x81 5 \xb5m\n", "latin-1", "\ufffd 5 \u00b5m"),
        ("Investigation Title\t5 \u00b5m\n".encode(), "utf-8", "5 \u00b5m"),
    ],
)
def test_what_is_not_utf8_is_windows_1252_where_that_is_possible(data: bytes, name: str, title: str) -> None:
    said, taken = read_idf(data)
    assert (taken, said.title) == (name, title)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"Source Name\tCharacteristics[organism]\na\tHomo sapiens\nb\tMus musculus\nc\tHomo sapiens\n",
         Sdrf(("Homo sapiens", "Mus musculus"))),
        (b"Source Name\tCharacteristics [Organism]\r\na\tHomo sapiens\r\n", Sdrf(("Homo sapiens",))),
        (b"Source Name\rcharacteristics[organism]\r", Sdrf()),
        (b"characteristics[organism]\rHomo sapiens\r", Sdrf(("Homo sapiens",))),
        (b'"Characteristics[organism]"\n"Homo sapiens"', Sdrf(("Homo sapiens",))),
        (b"Characteristics[organism part]\tFactor Value[organism]\nliver\tHomo sapiens\n", Sdrf()),
        (b"a\tComment[library construction]\tCharacteristics[organism]\n1\tsmart-seq2\tDanio rerio\n2\t10xv3\n3\n\n",
         Sdrf(("Danio rerio",), ("smart-seq2", "10xv3"))),
        (b"Characteristics[organism]\tCharacteristics[organism]\nHomo sapiens\tMus musculus\n",
         Sdrf(("Homo sapiens", "Mus musculus"))),
        (b"Characteristics[organism]", Sdrf()),
        (b"", Sdrf()),
    ],
)  # fmt: skip
def test_an_sdrf_names_organisms_and_library_constructions(data: bytes, said: Sdrf) -> None:
    assert read_sdrf(data, complete=True) == (said, "utf-8")


@pytest.mark.parametrize(
    ("head", "organisms"),
    [
        (b"Characteristics[organism]\nHomo sapiens\nMus muscul", ("Homo sapiens",)),
        (b"Characteristics[organism]\rHomo sapiens\rMus muscul", ("Homo sapiens",)),
        ("Characteristics[organism]\nHomo sapiens\nCaf\u00e9".encode()[:-1], ("Homo sapiens",)),
        (b"Source Name\tCharacteristics[organi", ()),
    ],
)
def test_the_cut_line_at_the_end_of_a_head_is_left_out(head: bytes, organisms: tuple[str, ...]) -> None:
    assert read_sdrf(head, complete=False) == (Sdrf(organisms), "utf-8")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            b"Read Mapping \tAgainst genome reference (Ensembl release: 104) tophat2 version: 2.1.1\n"
            b"Gene Quantification\thtseq version: 0.6.1p1\nTranscript Quantification\tkallisto version: 0.42.4\n",
            Methods(("htseq", "0.6.1p1"), ("tophat2", "2.1.1"), "104", ("kallisto", "0.42.4")),
        ),
        (
            b"Read Mapping\tAgainst genome reference (Ensembl Plants release: 26) HISAT2 version: 2.0.12\n"
            b"Quantification\thtseq2 version: 0.6.1p1\n",
            Methods(("htseq2", "0.6.1p1"), ("HISAT2", "2.0.12"), "26"),
        ),
        (b"Gene Quantification\tfeatureCounts\n", Methods(("featureCounts", ""))),
        (b"Read Mapping\tAgainst genome reference (Ensembl release: 95)\n", Methods(ensembl_release="95")),
        (b"Normalized Counts per Gene\tare calculated; Gene Quantification\tby hand version: 1\n", Methods()),
        (b"Normalization\tRMA using oligo version 1.24.2\n", Methods()),
        (b"", Methods()),
    ],
)
def test_analysis_methods_name_software_and_version(data: bytes, said: Methods) -> None:
    assert read_analysis_methods(data) == (said, "utf-8")


NAMES = [b"Investigation Title", b"Comment[EACurator]", b"Characteristics[organism]", b"Read Mapping"]
SCRAPS = some.sampled_from([*NAMES, b"\t", b"\n", b"\r", b'"'])


@given(some.lists(SCRAPS | some.binary(max_size=40), max_size=40).map(b"".join), some.booleans())
def test_whatever_the_bytes_are_the_readers_answer(data: bytes, complete: bool) -> None:
    """And what they say can be stored: text without NUL, in an encoding that has a name."""
    read = [read_idf(data), read_sdrf(data[:SDRF_LIMIT], complete), read_analysis_methods(data)]
    for said, name in read:
        assert name in ("utf-8", "cp1252", "latin-1")
        assert "\\x00" not in repr(said)
    assert encoding(data) in ("utf-8", "cp1252", "latin-1")
