"""Real folders and metadata documents, where they are at hand (beside the project, in ../shared/data): each is read, or
refused for the right reason. The outcomes were held against what other expressions find in them, and read by hand."""

from __future__ import annotations

import pytest

from app.errors import RecordError
from app.sources import listings
from app.sources.records import documents
from tests.sources.places import REAL
from tests.sources.test_real_files import absent

# How a title begins; when the record changed; its keywords; ways to get the data; whether it has a box; how many of
# the rules of its standard it breaks. Or why it is refused.
DOCUMENTS: dict[str, tuple[str, str, int, int, bool, int] | str] = {
    "iso/catalog.data.gov/iso_metadata_1.xml": ("EK500 Water Column Sonar Dat", "2021-06-09", 32, 3, True, 1),
    "iso/catalog.data.gov/iso_metadata_2.xml": ("NEFSC 2000 Spring Bottom Tra", "2017-05-30", 34, 1, True, 1),
    "iso/ckanext-geodatagov/USGS_Historical_Topographic_Map_Collection.xml": (
        "USGS Historical Topographic",
        "2013-01-01",
        3,
        1,
        True,
        0,
    ),
    "iso/ckanext-geodatagov/USGS_US_Topo_Map_Collection.xml": (
        "USGS US Topo Map Collection",
        "2013-01-01",
        16,
        1,
        True,
        0,
    ),
    "iso/ckanext-geodatagov/waf-collection1/cfg/SeriesCollection_tl_2013_county.shp.iso.xml": (
        "TIGER/Line Shapefile, 2013,",
        "2013-06-15",
        3,
        1,
        True,
        1,
    ),
    "iso/ckanext-geodatagov/waf-collection1/tl_2013_us_county.shp.iso.xml": (
        "TIGER/Line Shapefile, 2013,",
        "2013-11-13",
        4,
        1,
        True,
        1,
    ),
    "iso/ckanext-geodatagov/waf1/cb_2016_us_division_500k.shp.iso.xml": (
        "2016 Cartographic Boundary F",
        "2017-03-01",
        8,
        2,
        True,
        1,
    ),
    "iso/ckanext-spatial/gemini2.1-waf/wales1.xml": ("World Heritage Sites in Wale", "2011-10-28", 3, 3, True, 5),
    "iso/ckanext-spatial/gemini2.1-waf/wales2.xml": ("Protected sites: Country Par", "2011-10-29", 4, 3, True, 40),
    "iso/ckanext-spatial/gemini2.1/FCSConservancyPolygons.xml": (
        "FCS Conservancy Polygons",
        "2012-11-30",
        2,
        2,
        True,
        0,
    ),
    "iso/ckanext-spatial/gemini2.1/dataset1.xml": ("Country Parks (Scotland)", "2011-09-23", 1, 2, True, 1),
    "iso/ckanext-spatial/gemini2.1/error_bad_xml.xml": "is no XML: Premature end of data in tag MD_Metadata",
    "iso/ckanext-spatial/gemini2.1/error_validation.xml": ("FCS Administrative Boundarie", "2011-06-15", 4, 1, True, 0),
    "iso/ckanext-spatial/gemini2.1/service1.xml": ("One Scotland Address Gazette", "2011-09-08", 2, 1, True, 1),
    "iso/ckanext-spatial/gemini2.1/service1_newer.xml": ("One Scotland Address Gazette", "2011-09-10", 2, 1, True, 1),
    "iso/ckanext-spatial/gemini2.1/source1/same_dataset.xml": (
        "One Scotland Address Gazette",
        "2011-09-08",
        2,
        1,
        True,
        1,
    ),
    "iso/ckanext-spatial/gemini2.1/source2/same_dataset.xml": (
        "One Scotland Address Gazette",
        "2011-09-08",
        2,
        1,
        True,
        1,
    ),
    "iso/ckanext-spatial/gemini2.1/validation/01_Dataset_Invalid_XSD_No_Such_Element.xml": (
        "Test Record 01 Dataset No Su",
        "2012-10-05",
        9,
        5,
        True,
        1,
    ),
    "iso/ckanext-spatial/gemini2.1/validation/01_Dataset_Invalid_XSD_No_Such_Element_unix.xml": (
        "Test Record 01 Dataset No Su",
        "2012-10-05",
        9,
        5,
        True,
        1,
    ),
    "iso/ckanext-spatial/gemini2.1/validation/02_Dataset_Invalid_19139_Missing_Data_Format.xml": (
        "Test Record 02 Dataset Missi",
        "2012-10-05",
        9,
        5,
        True,
        0,
    ),
    "iso/ckanext-spatial/gemini2.1/validation/03_Dataset_Invalid_GEMINI_Missing_Keyword.xml": (
        "Test Record 03 Dataset Missi",
        "2012-10-05",
        0,
        5,
        True,
        0,
    ),
    "iso/ckanext-spatial/gemini2.1/validation/04_Dataset_Valid.xml": (
        "Test Record 04 Dataset Valid",
        "2012-10-05",
        9,
        5,
        True,
        0,
    ),
    "iso/ckanext-spatial/gemini2.1/validation/05_Series_Invalid_XSD_No_Such_Element.xml": (
        "Test Record 05 Series No Suc",
        "2012-10-05",
        9,
        3,
        True,
        1,
    ),
    "iso/ckanext-spatial/gemini2.1/validation/06_Series_Invalid_19139_Missing_Data_Format.xml": (
        "Test Record 06 Series Missin",
        "2012-10-05",
        9,
        3,
        True,
        0,
    ),
    "iso/ckanext-spatial/gemini2.1/validation/07_Series_Invalid_GEMINI_Missing_Keyword.xml": (
        "Test Record 07 Series Missin",
        "2012-10-05",
        0,
        3,
        True,
        0,
    ),
    "iso/ckanext-spatial/gemini2.1/validation/08_Series_Valid.xml": (
        "Test Record 08 Series Valid",
        "2012-10-05",
        9,
        3,
        True,
        0,
    ),
    "iso/ckanext-spatial/gemini2.1/validation/09_Service_Invalid_No_Such_Element.xml": (
        "Test Record 09 Service Inval",
        "2012-10-05",
        8,
        2,
        True,
        1,
    ),
    "iso/ckanext-spatial/gemini2.1/validation/10_Service_Invalid_19139_Level_Description.xml": (
        "Test Record 10 Service Inval",
        "2012-10-05",
        8,
        2,
        True,
        0,
    ),
    "iso/ckanext-spatial/gemini2.1/validation/11_Service_Invalid_GEMINI_Service_Type.xml": (
        "Test Record 11 Service Inval",
        "2012-10-05",
        8,
        2,
        True,
        0,
    ),
    "iso/ckanext-spatial/gemini2.1/validation/12_Service_Valid.xml": (
        "Test Record 12 Service Valid",
        "2012-10-05",
        8,
        2,
        True,
        0,
    ),
    "iso/ckanext-spatial/gemini2.1/validation/13_Dataset_Invalid_Element_srv.xml": (
        "Test Record 13",
        "2012-10-05",
        8,
        5,
        True,
        0,
    ),
    "iso/ckanext-spatial/iso19139/dataset-invalid.xml": ("Country Parks (Scotland)", "2011-09-23", 1, 2, True, 1),
    "iso/ckanext-spatial/iso19139/dataset.xml": ("Country Parks (Scotland)", "2011-09-23", 1, 2, True, 0),
    "iso/datagov-harvester/invalid_iso2.xml": ("Assessing How Climate Change", "2024-02-29", 27, 1, True, 1),
    "iso/datagov-harvester/to_be_filtered_by_datetime.xml": "is no XML: Start tag expected, '<' not found",
    "iso/datagov-harvester/valid_iso1.xml": ("Demographics for US Census T", "2021-06-17", 56, 1, True, 0),
    "iso/datagov-harvester/valid_iso2_parent.xml": ("Bringing Wetlands to Market:", "2024-02-29", 24, 4, True, 1),
    "iso/geoportal-catalog/cinergi_cuahsi_his_TuolumneMdw.xml": ("Mountain Meadow Restoration", "", 17, 4, True, 1),
    "iso/geoportal-catalog/citation_date.xml": ('"Chill Out" Oregon Institute', "2014-06-24", 12, 1, True, 4),
    "iso/geoportal-catalog/citation_dateTime.xml": ('"Chill Out" Oregon Institute', "2014-06-24", 12, 1, True, 3),
    "iso/geoportal-catalog/linkstest.xml": ("Line Data (zipped csv file)", "2014-11-24", 11, 2, True, 1),
    "iso/geoportal-catalog/linkstest_2.xml": ("ADMMR mining collection file", "2014-06-10", 31, 1, True, 3),
    "iso/geoportal-catalog/linkstest_3.xml": ("Tax Districts for Platte Cou", "2010-02-01", 12, 4, True, 5),
    "iso/geoportal-catalog/noaa_schema_org_issue.xml": ("Front Probability, GOES Imag", "2018-11-16", 29, 2, True, 3),
    "iso/geoportal-catalog/sciencebase_authors.xml": ("The Effects of Heterospecifi", "2017-09-22", 17, 8, True, 1),
    "iso/geoportal-catalog/sciencebase_links.xml": ("USGS Lidar Point Cloud IL 5C", "2017-01-29", 25, 3, True, 0),
    "iso/geoportal-catalog/temporal_extent.xml": ("ADMMR Photo Archive file: Be", "2014-06-10", 18, 1, True, 7),
    "iso/geoportal-catalog/temporal_lineage.xml": ("TIGER/Line Shapefile, 2013,", "2013-06-15", 13, 1, True, 7),
    "iso/geoportal-catalog/temporal_namedeperiod_only_earthref.xml": (
        "Geomagnetic Palaeointensitie",
        "",
        15,
        2,
        True,
        2,
    ),
    "iso/geoportal-catalog/temporal_over2000.xml": ("ADMMR Photo Archive file: Ki", "2014-06-10", 13, 1, False, 3),
    "iso/geoportal-catalog/temporal_under1400.xml": ("TIGER/Line Shapefile, 2013,", "2013-06-15", 13, 1, True, 7),
    "fgdc/ckanext-geodatagov/fgdc-csdgm_sample.xml": ("USGS Watershed Boundary Data", "2018-09-06", 47, 4, True, 0),
    "fgdc/mdtranslator/fgdc_badForm.xml": "is no XML: Opening and ending tag mismatch: citation",
    "fgdc/mdtranslator/fgdc_demo.xml": ("Greater White-Fronted Goose", "2016-09-08", 20, 2, True, 0),
    "fgdc/mdtranslator/fgdc_fullRecord.xml": ("Black Brant Banding", "2016-12-15", 16, 7, True, 0),
    "fgdc/mdtranslator/fgdc_invalid.xml": "is no metadata of a standard that is known here: its root is idinfo",
    "fgdc/mdtranslator/fgdc_minimal.xml": "title: is missing or empty (idinfo/citation/citeinfo/title)",
    "fgdc/usgs-waf/USGSHydroCached.xml": ("USGS Hydro Cached Base Map S", "2018-11-28", 19, 4, True, 0),
    "fgdc/usgs-waf/USGSImageryOnly.xml": ("USGS Imagery Only Base Map S", "2018-11-28", 5, 4, True, 0),
    "fgdc/usgs-waf/USGSImageryTopo.xml": ("USGS Imagery Topo Base Map S", "2018-11-28", 14, 4, True, 0),
    "fgdc/usgs-waf/USGSShadedReliefOnly.xml": ("USGS Hill Shade Base Map Ser", "2018-11-28", 8, 4, True, 0),
    "fgdc/usgs-waf/browse/USGSHydroCached.xml": ("USGS Hydro Cached Base Map S", "2018-11-28", 19, 4, True, 0),
    "fgdc/usgs-waf/browse/more/USGSShadedReliefOnly.xml": ("USGS Hill Shade Base Map Ser", "2018-11-28", 8, 4, True, 0),
    "fgdc/usgs-waf/other/USGSImageryOnly.xml": ("USGS Imagery Only Base Map S", "2018-11-28", 5, 4, True, 0),
}

# Where a page was; how many folders and documents it shows; how many of them with a date. Or why it is none.
ODD, RCLONE, SPATIAL, GEODATA = "odd/DirectoryListing", "rclone/", "ckanext-spatial/", "ckanext-geodatagov/"
PAGES: dict[str, tuple[str, tuple[int, int, int] | str]] = {
    f"{GEODATA}waf-collection1/index.html": ("/x/", (0, 1, 0)),
    f"{GEODATA}waf-collection2/index.html": ("/x/", (0, 1, 0)),
    f"{GEODATA}waf-fgdc/index.html": ("/x/", (0, 1, 0)),
    f"{GEODATA}waf-gmi/index.html": ("/x/", (0, 1, 0)),
    f"{GEODATA}waf-trim-tags/index.html": ("/x/", (0, 1, 0)),
    f"{GEODATA}waf1/index.html": ("/x/", (0, 2, 0)),
    f"{SPATIAL}apache-folder.html": ("/apache-folder/", (1, 1, 2)),
    f"{SPATIAL}apache-subfolder.html": ("/apache-folder/subfolder/", (0, 1, 1)),
    f"{SPATIAL}iis-folder.html": ("/iis-folder/", (1, 1, 2)),
    f"{SPATIAL}iis-subfolder.html": ("/iis-folder/subfolder/", (0, 1, 1)),
    f"{SPATIAL}index.html": ("/x/", (0, 2, 0)),
    f"{SPATIAL}nginx-folder.html": ("/nginx-folder/", (1, 1, 2)),
    f"{SPATIAL}nginx-subfolder.html": ("/nginx-folder/subfolder/", (0, 1, 1)),
    f"{ODD}03a.html.dat": ("/js/ckeditor/", (5, 7, 12)),
    f"{ODD}04a.html.dat": ("/", (7, 3, 10)),
    f"{ODD}134b.html.dat": ("/ODTest/EmptyFolder/", (0, 0, 0)),
    f"{ODD}20b.html.dat": ("/interesting_stuff/magazine/", (1, 3, 4)),
    f"{ODD}39a.html.dat": ("/", (1, 1, 1)),
    f"{ODD}47a.html.dat": ("/x/", (5, 1, 6)),
    f"{ODD}91a.html.dat": ("/x/", (1, 3, 4)),
    f"{ODD}94a.html.dat": ("/Shareware/Games/lost-coast/", (0, 0, 0)),
    f"{ODD}97a.html.dat": ("/netsoftware/apache/trafficserver/patches/", (0, 0, 0)),
    f"{RCLONE}apache.html": ("/x/", (5, 13, 18)),
    f"{RCLONE}caddy.html": ("/x/", (4, 4, 8)),
    f"{RCLONE}empty.html": ("/x/", "is empty"),
    f"{RCLONE}memstore.html": ("/x/", (3, 3, 3)),
    f"{RCLONE}nginx.html": ("/x/", (4, 2, 6)),
}


def test_no_file_is_left_out() -> None:
    if not REAL.is_dir():
        return absent(1)
    for room, names in (("iso", DOCUMENTS), ("fgdc", DOCUMENTS), ("waf_html", {f"waf_html/{name}" for name in PAGES})):
        there = {str(path.relative_to(REAL)) for path in (REAL / room).rglob("*") if path.is_file()}
        assert there == {name for name in names if name.startswith(f"{room}/")}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_real_document_is_read_or_refused(name: str) -> None:
    if not REAL.is_dir():
        return absent(1)
    body, wanted = (REAL / name).read_bytes(), DOCUMENTS[name]
    if isinstance(wanted, str):
        with pytest.raises(RecordError) as raised:
            documents.understood(body)
        assert str(raised.value) == wanted
        return
    told = documents.understood(body)
    assert told.title.startswith(wanted[0])
    counts = [len(told.more.get(what, ())) for what in ("keywords", "distributions")]
    date = str(told.modified.date()) if told.modified else ""
    assert (date, *counts, "box" in told.more, len(told.warnings)) == wanted[1:]


@pytest.mark.parametrize("name", PAGES)
def test_a_real_page_is_read_or_refused(name: str) -> None:
    if not REAL.is_dir():
        return absent(1)
    path, wanted = PAGES[name]
    body = (REAL / "waf_html" / name).read_bytes()
    if isinstance(wanted, str):
        with pytest.raises(listings.NoListing, match=wanted):
            listings.understood(body, f"http://example.org{path}")
        return
    entries = listings.understood(body, f"http://example.org{path}").entries
    folders = sum(entry.is_folder for entry in entries)
    assert (folders, len(entries) - folders, sum(bool(entry.stamp) for entry in entries)) == wanted
