from __future__ import annotations

import pytest

from app.domain.model import Code
from app.sources.magetab import Idf, Methods, Said, Sdrf, read_analysis_methods, read_idf, read_sdrf

IDF = (
    b"MAGE-TAB Version\t1.1\n"
    b"Investigation Title\tMouse liver\n"
    b"Person Email\tcontact@example.org\n"
    b"Comment[EAExperimentType]\tbaseline\n"
    b"Comment[AEExperimentType]\tRNA-seq of coding RNA\n"
    b"Comment[EACurator]\tada\tgrace\n"
    b"Comment[SecondaryAccession]\tGSE1\tERP2\n"
    b"Comment[ArrayExpressAccession]\tE-MTAB-1\n"
    b"SDRF File\tE-MTAB-1.sdrf.txt\n"
)
SAID = Idf(
    "Mouse liver",
    ("baseline",),
    ("RNA-seq of coding RNA",),
    ("ada", "grace"),
    ("GSE1", "ERP2"),
    ("E-MTAB-1",),
    ("E-MTAB-1.sdrf.txt",),
)
JAPANESE = "\u5927\u8178\u83cc\u306e\u767a\u73fe\u3092\u3001\u8abf\u3079\u308b\u7814\u7a76\u3002"
T = b"Investigation Title\tT\n"
HEAD = b"Source Name\tCharacteristics[organism]\tComment[library construction]\n"
MAN = b"a\tHomo sapiens\tsmart-seq2\n"
MOUSE = b"b\tMus musculus\t10xv3\n"


def odd(said: Said[Idf] | Said[Sdrf] | Said[Methods]) -> list[tuple[Code, int]]:
    return [(note.code, note.line) for note in said.notes]


# --------------------------------------------------------------------------- IDF


@pytest.mark.parametrize(
    "data",
    [
        IDF,
        b"\xef\xbb\xbf" + IDF,
        IDF.replace(b"\n", b"\r\n"),
        IDF.rstrip(),
        IDF.replace(b"Comment[", b"COMMENT  [").replace(b"Title", b"TITLE"),
        IDF.replace(b"Comment[", b"Comment ["),
        IDF.replace(b"Comment[EAC", b"Comment [ EAC").replace(b"SDRF File", b"sdrf  file "),
        b"\n".join(b"\t".join(b'"%s"' % cell for cell in line.split(b"\t")) for line in IDF.splitlines()),
        IDF.replace(b"\n", b"\t\t\t\n"),
        IDF.replace(b"Mouse liver", b"  Mouse liver  "),
        IDF.replace(b"\tMouse liver", b'\t"Mouse\tliver"'),
        IDF.replace(b"\tMouse liver", b'\t"Mouse\nliver"'),
        IDF.replace(b"\tGSE1\tERP2", b"\tGSE1, ERP2;GSE1;"),
        IDF.replace(b"\tGSE1\tERP2", b"\tGSE1|ERP2"),
        IDF + b"Protocol Description\tThe Investigation Title\tComment[EACurator]\n",
        b"# written by a program\n\nComment[Investigation Title of another]\tnot this\n" + IDF,
        IDF + b"Comment[EACurator]\nInvestigation Title\t\n",
    ],
)
def test_an_idf_says_the_same_however_it_is_well_written(data: bytes) -> None:
    said = read_idf(data)
    assert (said.values, said.notes) == (SAID, ())


@pytest.mark.parametrize(
    ("data", "values", "problems"),
    [
        (IDF.replace(b"\n", b"\r"), SAID, [(Code.LINE_ENDS, 1)]),
        (IDF.replace(b"baseline\n", b"baseline\r\n"), SAID, [(Code.LINE_ENDS, 4)]),
        (IDF.replace(b"\n", b"\r\n").replace(b"1.1\r\n", b"1.1\n"), SAID, [(Code.LINE_ENDS, 2)]),
        (IDF.replace(b"baseline\n", b"baseline\r"), SAID, [(Code.LINE_ENDS, 4)]),
        (IDF.replace(b"Mouse liver", b"Mouse\rliver"), SAID, [(Code.LINE_ENDS, 2)]),
        (IDF.replace(b"\n", b"\r\r\n"), SAID, [(Code.LINE_ENDS, 1)]),
        (IDF.decode().encode("utf-16"), SAID, [(Code.NOT_UTF8, 0)]),
        (IDF.decode().encode("utf-16-le"), SAID, [(Code.NOT_UTF8, 0)]),
        (IDF.decode().encode("utf-16-be"), SAID, [(Code.NOT_UTF8, 0)]),
        (IDF.decode().encode("utf-32"), SAID, [(Code.NOT_UTF8, 0)]),
        (IDF + b"Comment[EACurator]\t<FILL THIS>\t<fill this>\n", SAID, [(Code.PLACEHOLDER, 10)]),
        (IDF + b"Person Last Name\tA\t<LAST_NAME>\n", SAID, [(Code.PLACEHOLDER, 10)]),
        (IDF + b"Comment[EAExperimentType]\tbaseline\n", SAID, [(Code.REPEATED_ROW, 10)]),
        (IDF + b"Investigation Title\tMouse lung\n", SAID, [(Code.CONFLICTING_ROWS, 10)]),
        (IDF + b"Comment[EACurator]\tlin\tada\n", SAID._replace(curators=("ada", "grace", "lin")),
         [(Code.CONFLICTING_ROWS, 10)]),
        (b"<<<<<<< HEAD\n" + IDF + b"=======\nInvestigation Title\tMouse lung\n>>>>>>> other\n", SAID,
         [(Code.CONFLICT_MARKERS, 1), (Code.CONFLICTING_ROWS, 12)]),
        (IDF.replace(b"\tMouse liver", b'\t"Mouse liver'), SAID, [(Code.UNCLOSED_QUOTE, 2)]),
        (IDF.replace(b"\tMouse liver", b'\t"Mouse liver').replace(b"baseline", b'baseline"'),
         SAID._replace(experiment_types=('baseline"',)), [(Code.UNCLOSED_QUOTE, 2)]),
        (IDF.replace(b"Mouse liver", b"<FILL THIS>"), SAID._replace(title=""),
         [(Code.NO_TITLE, 0), (Code.PLACEHOLDER, 2)]),
        (b"MAGE-TAB Version\t1.1\nInvestigation Title\n", Idf(), [(Code.NO_TITLE, 0)]),
        (b"", Idf(), [(Code.EMPTY_FILE, 0)]),
        (b" \r\n\t\n", Idf(), [(Code.EMPTY_FILE, 0)]),
        (b"../studies/E-MTAB-1.idf.txt", Idf(), [(Code.NOT_MAGETAB, 0)]),
        (b"<!DOCTYPE html>\n<title>Investigation Title</title>\n", Idf(), [(Code.NOT_MAGETAB, 0)]),
        (HEAD + MAN, Idf(), [(Code.NOT_MAGETAB, 0)]),
        (b"PK\x03\x04\x14\0\0\0[Content_Types].xml", Idf(), [(Code.NOT_TEXT, 0)]),
        (b"\x1f\x8b\x08\0abc", Idf(), [(Code.NOT_TEXT, 0)]),
        (b"\0\1\2\0\0\0\0\4" * 20, Idf(), [(Code.NOT_TEXT, 0)]),
    ],
)  # fmt: skip
def test_what_is_odd_about_an_idf_is_told_and_the_rest_is_read(
    data: bytes, values: Idf, problems: list[tuple[Code, int]]
) -> None:
    said = read_idf(data)
    assert (said.values, odd(said)) == (values, problems)


@pytest.mark.parametrize(
    ("cell", "title"),
    [
        (b"", ""),
        (b'"The ""big"" one"', 'The "big" one'),
        (b'the "big" one', 'the "big" one'),
        (b'"big" is good', '"big" is good'),
        (b'5" and 6"', '5" and 6"'),
        (b"nul \0\n", "nul \ufffd"),
        ("caf\u00e9".encode(), "caf\u00e9"),
        (b"<i>Mus musculus</i>", "<i>Mus musculus</i>"),
        (b"a\x0bb\x1fc", "a b c"),
        (b"1\t2", "1"),
    ],
)
def test_a_title_is_the_first_cell_behind_its_name(cell: bytes, title: str) -> None:
    assert read_idf(b"Investigation Title\t" + cell + b"\n").values.title == title


@pytest.mark.parametrize(
    ("data", "title", "problem", "named"),
    [
        (b"Investigation Title\t\x93as\x94 5 \xb5m\n", "\u201cas\u201d 5 \u00b5m", (Code.NOT_UTF8, 1), "cp1252"),
        (b"PubMed ID\t1\nInvestigation Title\t\x81 5 \xb5m\n", "\ufffd 5 \u00b5m", (Code.NOT_UTF8, 2), "latin-1"),
        (T + "Person Last Name\tS\u00f8ren\n".encode() + b"Person First Name\tS\xf8ren\n", "T",
         (Code.MIXED_ENCODINGS, 3), "cp1252"),
        (b"Investigation Title\t" + JAPANESE.encode("shift_jis"), JAPANESE, (Code.NOT_UTF8, 1), "CP932"),
    ],
)  # fmt: skip
def test_what_is_not_utf8_is_read_as_what_it_is(data: bytes, title: str, problem: tuple[Code, int], named: str) -> None:
    said = read_idf(data)
    assert (said.values.title, odd(said)) == (title, [problem])
    assert said.notes[0].text.lower().count(named.lower()) == 1


def test_the_lines_of_the_fields_are_told() -> None:
    assert read_idf(IDF.replace(b"Mouse liver", b'"Mouse\nliver"')).lines == {
        "title": 2,
        "experiment_types": 5,
        "analysis_types": 6,
        "curators": 7,
        "secondary_accessions": 8,
        "accessions": 9,
        "sdrf_files": 10,
    }


def test_an_idf_that_goes_on_after_what_was_read_loses_its_cut_line() -> None:
    assert read_idf(IDF[:-5], complete=False).values == SAID._replace(sdrf_files=())


# --------------------------------------------------------------------------- SDRF


@pytest.mark.parametrize(
    ("data", "values", "problems"),
    [
        (HEAD + MAN + MOUSE + MAN, Sdrf(("Homo sapiens", "Mus musculus"), ("smart-seq2", "10xv3")), []),
        (b"Source Name\tCharacteristics [Organism]\r\na\tHomo sapiens\r\n", Sdrf(("Homo sapiens",)), []),
        (b"source name\tcharacteristics[organism]\na\thomo sapiens\n", Sdrf(("homo sapiens",)), []),
        (b"Source Name\tCHARACTERISTICS  [ organism ]\na\tHomo sapiens\n", Sdrf(("Homo sapiens",)), []),
        (b"\n# a comment\nSource Name\tCharacteristics[organism]\t\na\tHomo sapiens\t\n", Sdrf(("Homo sapiens",)), []),
        (b'"Source Name"\t"Characteristics[organism]"\n"a"\t"Homo sapiens"', Sdrf(("Homo sapiens",)), []),
        (b'Source Name\tCharacteristics[organism]\n"a\tb\nc"\tHomo sapiens\nd\tMus musculus\n',
         Sdrf(("Homo sapiens", "Mus musculus")), []),
        (b"Characteristics[organism]\tCharacteristics[organism]\nHomo sapiens\tMus musculus\n",
         Sdrf(("Homo sapiens", "Mus musculus")), []),
        ((HEAD + MAN).replace(b"\n", b"\r"), Sdrf(("Homo sapiens",), ("smart-seq2",)), [(Code.LINE_ENDS, 1)]),
        (HEAD + MAN.replace(b"\n", b"\r") + MOUSE, Sdrf(("Homo sapiens", "Mus musculus"), ("smart-seq2", "10xv3")),
         [(Code.LINE_ENDS, 2)]),
        (HEAD + MAN.replace(b"o s", b"o\rs"), Sdrf(("Homo sapiens",), ("smart-seq2",)), [(Code.LINE_ENDS, 2)]),
        (HEAD + b"a\tHomo sapiens\t\textra\n", Sdrf(("Homo sapiens",)), [(Code.RAGGED_ROWS, 2)]),
        (HEAD + b"a\tHomo sapiens\nb\n\n", Sdrf(("Homo sapiens",)), []),
        (HEAD + MAN.replace(b"Homo sapiens", b"<FILL THIS>") + MOUSE, Sdrf(("Mus musculus",), ("smart-seq2", "10xv3")),
         [(Code.PLACEHOLDER, 2)]),
        (b"<<<<<<< HEAD\n" + HEAD + MAN + b"=======\n" + HEAD + MOUSE + b">>>>>>> other\n",
         Sdrf(("Homo sapiens", "Mus musculus"), ("smart-seq2", "10xv3")), [(Code.CONFLICT_MARKERS, 1)]),
        (b"Source Name\tCharacteristics[organism part]\tFactor Value[organism]\na\tliver\tHomo sapiens\n", Sdrf(),
         [(Code.NO_ORGANISM, 0)]),
        (b"\nSource Name\tCharacteristics[organism]\na\t\n", Sdrf(), [(Code.NO_ORGANISM, 2)]),
        (b"E-MTAB-1\t\tERR1\tcharacteristic\tcell line\n", Sdrf(), [(Code.NOT_MAGETAB, 0)]),
        (b"PK\x03\x04", Sdrf(), [(Code.NOT_TEXT, 0)]),
        (b"", Sdrf(), [(Code.EMPTY_FILE, 0)]),
    ],
)  # fmt: skip
def test_an_sdrf_names_organisms_and_library_constructions(
    data: bytes, values: Sdrf, problems: list[tuple[Code, int]]
) -> None:
    said = read_sdrf(data)
    assert (said.values, odd(said)) == (values, problems)


@pytest.mark.parametrize(
    ("head", "organisms"),
    [
        (b"Characteristics[organism]\nHomo sapiens\nMus muscul", ("Homo sapiens",)),
        (b"Characteristics[organism]\rHomo sapiens\rMus muscul", ("Homo sapiens",)),
        ("Characteristics[organism]\nHomo sapiens\nCaf\u00e9".encode()[:-1], ("Homo sapiens",)),
        ("Characteristics[organism]\nHomo sapiens\nMus".encode("utf-16")[:-1], ("Homo sapiens",)),
        (b'Characteristics[organism]\tComment[x]\nHomo sapiens\t"goes on\nand on', ("Homo sapiens",)),
        (b"Source Name\tCharacteristics[organi", ()),
    ],
)
def test_the_cut_line_at_the_end_of_a_head_is_left_out(head: bytes, organisms: tuple[str, ...]) -> None:
    said = read_sdrf(head, complete=False)
    assert said.values == Sdrf(organisms)
    assert {note.code for note in said.notes} <= {Code.NO_ORGANISM, Code.NOT_UTF8, Code.LINE_ENDS}


# --------------------------------------------------------------------------- analysis methods


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
    ],
)
def test_analysis_methods_name_software_and_version(data: bytes, said: Methods) -> None:
    assert read_analysis_methods(data) == Said(said)


@pytest.mark.parametrize(
    ("data", "code"), [(b"", Code.EMPTY_FILE), (b"see elsewhere", Code.NOT_MAGETAB), (b"PK\x03\x04", Code.NOT_TEXT)]
)
def test_what_is_no_table_of_methods_is_refused(data: bytes, code: Code) -> None:
    assert odd(read_analysis_methods(data)) == [(code, 0)]
