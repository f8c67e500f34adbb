"""A zip is read as the sheet says (mxtelecom 4, mms-content 5.1), and no zip does harm."""

import io
import random
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.dialects.mxtelecom.entries import Limits
from broker.dialects.mxtelecom.package import Piece, pack, unpack
from broker.domain.message import PartKind
from broker.errors import InvalidField

JPEG = b"\xff\xd8\xff\xe0" + b"cat" * 50
PNG = b"\x89PNG\r\n\x1a\n" + b"dog" * 50
SMIL = b'<smil><body><par><img src="cat.jpg"/><text src="hello.txt"/></par></body></smil>'
MANIFEST = (
    b"# order matters when no SMIL is present\n"
    b"show.smil=application/smil\ncat.jpg=image/jpeg\nhello.txt=text/plain\n"
)
FILES = {"manifest": MANIFEST, "show.smil": SMIL, "cat.jpg": JPEG, "hello.txt": "Grüße".encode()}


def zipped(
    files: Mapping[str, bytes] = FILES,
    *,
    method: int = zipfile.ZIP_DEFLATED,
    change: Callable[[zipfile.ZipInfo], None] = lambda info: None,
    comment: bytes = b"",
) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            change(info)
            archive.writestr(info, data, None if name.endswith("/") else method)
        archive.comment = comment
    return out.getvalue()


def with_manifest(**files: bytes) -> dict[str, bytes]:
    """Return files under names with a dot for each double underscore, and a manifest that says image/jpeg of all."""
    named = {name.replace("__", "."): data for name, data in files.items()}
    return {"manifest": b"".join(b"%s=image/jpeg\n" % name.encode() for name in named), **named}


def names(pieces: tuple[Piece, ...]) -> list[str]:
    return [piece.name for piece in pieces]


class TestWhatIsTaken:
    """The zips that people send."""

    @pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    def test_the_parts_come_in_the_order_of_the_manifest_with_type_and_kind(self, method: int) -> None:
        backwards = dict(reversed(FILES.items()))
        assert unpack(zipped(backwards, method=method)) == (
            Piece(name="show.smil", content_type="application/smil", data=SMIL, kind=PartKind.LAYOUT),
            Piece(name="cat.jpg", content_type="image/jpeg", data=JPEG),
            Piece(name="hello.txt", content_type="text/plain", data="Grüße".encode(), kind=PartKind.TEXT),
        )

    def test_a_layout_may_be_called_by_its_other_type(self) -> None:
        files = {**FILES, "manifest": MANIFEST.replace(b"application/smil", b"application/smil+xml")}
        assert unpack(zipped(files))[0].kind is PartKind.LAYOUT

    def test_types_may_be_in_capitals_and_have_parameters(self) -> None:
        files = {"manifest": b"a=Text/Plain; Charset=UTF-8", "a": b"hi"}
        assert unpack(zipped(files))[0] == Piece(
            name="a", content_type="text/plain", data=b"hi", kind=PartKind.TEXT
        )

    def test_a_key_may_stand_in_angle_brackets(self) -> None:
        assert names(unpack(zipped({"manifest": b"<a.jpg>=image/jpeg", "a.jpg": JPEG}))) == ["a.jpg"]

    def test_the_bytes_tell_the_type_of_a_picture(self) -> None:
        assert unpack(zipped({"manifest": b"a.png=image/png", "a.png": JPEG}))[0].content_type == "image/jpeg"

    def test_folders_and_the_litter_of_file_managers_are_passed_over(self) -> None:
        litter = {"__MACOSX/": b"", "__MACOSX/._cat.jpg": b"x", ".DS_Store": b"y", "empty/": b""}
        assert names(unpack(zipped({**litter, **FILES}))) == ["show.smil", "cat.jpg", "hello.txt"]

    def test_a_name_is_the_same_however_its_accents_are_written(self) -> None:
        files = {"manifest": "café.jpg=image/jpeg".encode(), "cafe\u0301.jpg": JPEG}
        assert names(unpack(zipped(files))) == ["café.jpg"]

    def test_a_zip_that_was_written_as_a_stream_is_read(self) -> None:
        class Pipe(io.RawIOBase):
            written = b""

            def writable(self) -> bool:
                return True

            def write(self, data: bytes) -> int:  # type: ignore[override]
                self.written += bytes(data)
                return len(data)

        pipe = Pipe()
        with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in FILES.items():
                archive.writestr(name, data)
        assert names(unpack(pipe.written)) == ["show.smil", "cat.jpg", "hello.txt"]

    def test_a_comment_of_a_kilobyte_may_follow_and_no_more(self) -> None:
        assert len(unpack(zipped(comment=b"c" * 1024))) == 3
        refused(zipped(comment=b"c" * 1025))

    def test_as_many_files_as_allowed_are_taken(self) -> None:
        files = with_manifest(**{f"p{n}__jpg": JPEG for n in range(31)})
        assert len(unpack(zipped(files))) == 31
        refused(zipped(with_manifest(**{f"p{n}__jpg": JPEG for n in range(32)})))


def refused(data: bytes, *, strict: bool = True, limits: Limits | None = None) -> str:
    with pytest.raises(InvalidField) as caught:
        unpack(data, strict=strict, limits=limits)
    return str(caught.value)


class TestTheManifest:
    """What it must say, strictly and not so strictly."""

    def test_without_one_the_zip_is_refused_or_read_in_its_own_order(self) -> None:
        files = {"b.jpg": JPEG, "a.png": PNG, "t.txt": b"hi", "s.smil": SMIL}
        assert "no manifest" in refused(zipped(files))
        pieces = unpack(zipped(files), strict=False)
        assert [piece.content_type for piece in pieces] == [
            "image/jpeg",
            "image/png",
            "text/plain",
            "application/smil",
        ]

    @pytest.mark.parametrize("strict", [True, False])
    def test_one_that_names_a_missing_file_is_refused(self, strict: bool) -> None:
        data = zipped({"manifest": b"a.jpg=image/jpeg\nb.jpg=image/jpeg", "a.jpg": JPEG})
        assert "not in the zip" in refused(data, strict=strict)

    def test_a_file_that_it_does_not_name_is_refused_or_passed_over(self) -> None:
        data = zipped({"manifest": b"a.jpg=image/jpeg", "a.jpg": JPEG, "b.jpg": JPEG})
        assert "does not name" in refused(data)
        assert names(unpack(data, strict=False)) == ["a.jpg"]

    def test_a_missing_type_is_refused_or_told_by_the_extension(self) -> None:
        data = zipped({"manifest": b"a.txt=", "a.txt": b"hi"})
        assert "a type" in refused(data)
        assert unpack(data, strict=False)[0].kind is PartKind.TEXT

    @pytest.mark.parametrize("line", [b"a.jpg=jpeg", b"a.jpg=image/", b"a.jpg=image/j peg", b"a.jpg=\\u00ff"])
    @pytest.mark.parametrize("strict", [True, False])
    def test_a_type_that_is_none_is_refused(self, line: bytes, strict: bool) -> None:
        assert "a type" in refused(zipped({"manifest": line, "a.jpg": JPEG}), strict=strict)

    @pytest.mark.parametrize(
        "manifest", [b"a.jpg=\\u12", b"manifest=text/plain", b"a.jpg=image/jpeg\n" * 5000]
    )
    def test_one_that_cannot_be_read_is_refused(self, manifest: bytes) -> None:
        refused(zipped({"manifest": manifest, "a.jpg": JPEG}))

    @pytest.mark.parametrize("files", [{"manifest": b""}, {"manifest": b"# none"}])
    def test_a_zip_of_nothing_is_refused(self, files: dict[str, bytes]) -> None:
        assert "nothing to show" in refused(zipped(files))

    def test_a_layout_alone_is_nothing_to_show(self) -> None:
        files = {"manifest": b"s.smil=application/smil", "s.smil": SMIL}
        assert "nothing to show" in refused(zipped(files))


class TestTheParts:
    """What they may be."""

    def test_two_layouts_are_refused(self) -> None:
        files = {**FILES, "manifest": MANIFEST + b"b.smil=application/smil", "b.smil": SMIL}
        assert "two layouts" in refused(zipped(files))

    @pytest.mark.parametrize("text", [b"caf\xe9", b"\xff\xfeh\x00i\x00"])
    def test_a_text_that_is_not_utf_8_is_refused(self, text: bytes) -> None:
        refused(zipped({"manifest": b"a.txt=text/plain", "a.txt": text}))

    @pytest.mark.parametrize("strict", [True, False])
    @pytest.mark.parametrize(
        "layout",
        [
            b'<!DOCTYPE smil SYSTEM "http://evil.example/x.dtd"><smil/>',
            b'<!DOCTYPE smil [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">]><smil>&b;</smil>',
            b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]><smil>&x;</smil>',
            '<!DOCTYPE smil [<!ENTITY a "b">]><smil>&a;</smil>'.encode("utf-16"),
            b"<smil>" * 17 + b"</smil>" * 17,
            b"<smil>" + b"<par/>" * 200 + b"</smil>",
            b"<smil>" + b" " * 70_000 + b"</smil>",
        ],
    )
    def test_a_hostile_layout_is_refused(self, layout: bytes, strict: bool) -> None:
        files = {**FILES, "show.smil": layout}
        refused(zipped(files, method=zipfile.ZIP_STORED), strict=strict)

    def test_a_layout_that_is_no_xml_is_refused_or_left_to_be_ignored(self) -> None:
        data = zipped({**FILES, "show.smil": b"<smil><body>"})
        assert "layout" in refused(data)
        assert len(unpack(data, strict=False)) == 3

    @pytest.mark.parametrize(
        ("name", "label", "data"),
        [
            ("a.zip", "application/zip", zipped()),
            ("a.jpg", "image/jpeg", zipped()),
            ("a.txt", "text/plain", b"\x1f\x8b\x08" + b"\0" * 20),
            ("a.jar", "application/java-archive", zipped()),
            ("a.rar", "application/vnd.rar", b"Rar!\x1a\x07\x00" + b"x" * 20),
            ("a.jpg", "image/jpeg", b"<html><script>alert(1)</script>"),
            ("a.svg", "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
            ("a.exe", "application/x-msdownload", b"MZ" + b"\0" * 20),
            ("a.jpg", "image/jpeg", b"no picture"),
        ],
    )
    def test_archives_pages_and_programs_are_refused_under_any_label(
        self, name: str, label: str, data: bytes
    ) -> None:
        with pytest.raises(InvalidField, match=r"which is not carried|do not show|bytes are none"):
            unpack(zipped({"manifest": f"{name}={label}".encode(), name: data}))

    def test_an_empty_file_is_refused(self) -> None:
        assert "empty" in refused(zipped({"manifest": b"a.txt=text/plain", "a.txt": b""}))

    def test_what_is_wrong_is_said_without_names(self) -> None:
        assert "secret" not in refused(zipped({"manifest": b"secret.jpg=image/jpeg"}))


def patched(data: bytes, at: int, field: str, value: int) -> bytes:
    return data[:at] + struct.pack(field, value) + data[at + struct.calcsize(field) :]


def central(data: bytes, n: int = 0) -> int:
    """Return where the n-th entry of the directory begins."""
    at = -1
    for _ in range(n + 1):
        at = data.index(b"PK\x01\x02", at + 1)
    return at


class TestHostileZips:
    """What is refused before, or while, it is unpacked."""

    @pytest.mark.parametrize(
        "name",
        ["../cat.jpg", "a/../../cat.jpg", "/abs.jpg", "C:\\x.jpg", "C:x.jpg", "..\\x.jpg", "a\x07.jpg", "a\nb.jpg",
         "x" * 101, "..", "./cat.jpg", "a//b.jpg", "folder/cat.jpg", "\u202egpj.exe"],
    )  # fmt: skip
    @pytest.mark.parametrize("strict", [True, False])
    def test_a_name_that_leads_elsewhere_is_refused(self, name: str, strict: bool) -> None:
        refused(zipped({"manifest": MANIFEST, name: JPEG}), strict=strict)

    @pytest.mark.parametrize("name", ["../", "a/../", "/", "__MACOSX/../../x", "a/../.DS_Store", "..", "."])
    def test_even_what_is_passed_over_must_not_lead_elsewhere(self, name: str) -> None:
        assert "leads elsewhere" in refused(zipped({**FILES, name: b""}), strict=False)

    def test_a_name_with_a_nul_is_refused(self) -> None:
        assert "a name" in refused(
            zipped({**FILES, "catXxx.jpg": JPEG}).replace(b"catXxx", b"cat\0xx"), strict=False
        )

    @pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
    def test_a_link_or_a_device_is_refused(self, kind: int) -> None:
        def make(info: zipfile.ZipInfo) -> None:
            if info.filename == "cat.jpg":
                info.external_attr = (kind | 0o777) << 16

        assert "link" in refused(zipped(change=make))

    @pytest.mark.parametrize("twin", ["cat.jpg", "CAT.JPG"])
    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_a_name_that_is_there_twice_is_refused(self, twin: str) -> None:
        out = io.BytesIO(zipped())
        with zipfile.ZipFile(out, "a") as archive:
            archive.writestr(twin, JPEG)
        assert "twice" in refused(out.getvalue(), strict=False)

    @pytest.mark.parametrize("flag", [0x1, 0x20, 0x40, 0x2000])
    def test_an_encrypted_file_is_refused(self, flag: int) -> None:
        data = zipped()
        data = patched(patched(data, 6, "<H", flag), central(data) + 8, "<H", flag)
        assert "encrypted" in refused(data)

    @pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_other_ways_of_packing_are_refused(self, method: int) -> None:
        assert "packed" in refused(zipped(method=method))

    def test_a_bomb_is_refused_while_memory_stays_flat(self) -> None:
        bomb = zipped({"manifest": b"a.txt=text/plain", "a.txt": b"\0" * (10 << 20)})
        # The directory and the header promise little.
        size = struct.pack("<L", 10 << 20)
        quiet = bomb.replace(size, struct.pack("<L", 10))
        assert len(bomb) < 20_000
        for data in (bomb, quiet):
            tracemalloc.start()
            refused(data)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < (2 << 20)

    def test_a_slow_bomb_is_stopped_at_the_limit(self) -> None:
        noise = random.Random(1).randbytes(1 << 20) * 5
        data = zipped({"manifest": b"a.txt=text/plain", "a.txt": b"ab" * 300_000 + noise})
        quiet = data.replace(struct.pack("<L", 600_000 + (5 << 20)), struct.pack("<L", 10))
        tracemalloc.start()
        said = refused(quiet, limits=Limits(packed=16 << 20))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert "more than" in said
        assert peak < (16 << 20)

    def test_files_that_are_small_alone_are_stopped_together(self) -> None:
        noise = random.Random(1)
        files = with_manifest(**{f"a{n}__jpg": JPEG + noise.randbytes(40_000) for n in range(3)})
        assert len(unpack(zipped(files), limits=Limits(unpacked=125_000))) == 3
        promised = zipped(files)
        assert "more than" in refused(promised, limits=Limits(unpacked=100_000))

    def test_what_a_file_unpacks_to_counts_and_not_what_it_promises(self) -> None:
        data = zipped({"manifest": b"a.txt=text/plain", "a.txt": b"a" * 5000})
        assert len(unpack(data)) == 1
        shorter = data.replace(struct.pack("<L", 5000), struct.pack("<L", 10))
        assert "not what" in refused(shorter)
        assert "more than" in refused(shorter, limits=Limits(part=4000))

    def test_tight_packing_is_suspicious_only_in_what_is_large(self) -> None:
        assert len(unpack(zipped({"manifest": b"a.txt=text/plain", "a.txt": b"a" * 65_000}))) == 1
        assert "tightly" in refused(zipped({"manifest": b"a.txt=text/plain", "a.txt": b"a" * 100_000}))

    def test_files_that_share_their_bytes_are_refused(self) -> None:
        data = zipped({"manifest": b"a.jpg=image/jpeg\nb.jpg=image/jpeg", "a.jpg": JPEG, "b.jpg": JPEG})
        first = struct.unpack_from("<L", data, central(data, 1) + 42)[0]
        shared = patched(data, central(data, 2) + 42, "<L", first)
        assert "overlap" in refused(shared)

    def test_a_file_that_reaches_over_the_next_is_refused(self) -> None:
        data = zipped(method=zipfile.ZIP_STORED)
        at = central(data, 1)
        begins = struct.unpack_from("<L", data, at + 42)[0]
        size = len(SMIL) + 60
        for place in (at + 20, at + 24, begins + 18, begins + 22):
            data = patched(data, place, "<L", size)
        assert "overlap" in refused(data)

    def test_header_and_directory_must_agree(self) -> None:
        data = zipped()
        for at, field in ((6, "<H"), (8, "<H"), (14, "<L"), (18, "<L"), (22, "<L"), (30, "<H")):
            assert "agree" in refused(patched(data, at, field, 0x800 if at == 6 else 8080))

    def test_a_thousand_files_are_refused_before_they_are_looked_at(self) -> None:
        data = zipped({f"{n}": b"x" for n in range(1000)}, method=zipfile.ZIP_STORED)
        assert "more than 32" in refused(data)
        hidden = patched(patched(data, len(data) - 14, "<H", 3), len(data) - 12, "<H", 3)
        tracemalloc.start()
        refused(hidden)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 64 * 1024

    @pytest.mark.parametrize("count", [3, 5])
    def test_a_count_that_is_not_that_of_the_directory_is_refused(self, count: int) -> None:
        data = zipped()
        assert "agree" in refused(
            patched(patched(data, len(data) - 14, "<H", count), len(data) - 12, "<H", count)
        )

    @pytest.mark.parametrize(
        "data", [b"MZ" + zipped(), zipped() + b"x", b"", b"PK\x03\x04", b"PK\x05\x06" + b"\0" * 18]
    )
    def test_what_has_something_before_or_after_it_or_is_no_zip_is_refused(self, data: bytes) -> None:
        refused(data)

    def test_one_of_several_disks_is_refused(self) -> None:
        data = zipped()
        assert "several" in refused(patched(data, len(data) - 18, "<H", 1))

    def test_the_kind_for_huge_files_is_refused(self) -> None:
        data = zipped()
        assert "huge" in refused(patched(data, len(data) - 6, "<L", 0xFFFFFFFF))
        for place in (20, 24):  # where its sizes would be said elsewhere
            refused(patched(data, central(data) + place, "<L", 0xFFFFFFFF))

    def test_one_that_is_too_large_is_refused_unread(self) -> None:
        assert "more than 100" in refused(zipped(), limits=Limits(packed=100))

    @given(st.binary(max_size=300))
    def test_garbage_is_refused(self, data: bytes) -> None:
        with pytest.raises(InvalidField):
            unpack(data)

    @settings(max_examples=300)
    @given(
        changes=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=6),
        cut=st.integers(0, 20),
        strict=st.booleans(),
    )
    def test_a_damaged_zip_is_read_or_refused(
        self, changes: list[tuple[int, int]], cut: int, strict: bool
    ) -> None:
        data = bytearray(zipped())
        for at, byte in changes:
            data[at % len(data)] = byte
        try:
            pieces = unpack(bytes(data[: len(data) - cut]), strict=strict)
        except InvalidField:
            return
        assert pieces


class TestPack:
    """What we send on."""

    def test_a_package_that_we_made_reads_as_the_parts_it_was_made_of(self) -> None:
        pieces = unpack(zipped())
        assert unpack(pack(pieces)) == pieces

    def test_the_same_parts_make_the_same_bytes(self) -> None:
        assert pack(unpack(zipped())) == pack(unpack(zipped()))

    def test_the_manifest_comes_first_and_names_are_plain_and_distinct(self) -> None:
        pieces = [
            Piece(name="../a b.jpg", content_type="image/jpeg", data=JPEG),
            Piece(name="a_b.jpg", content_type="image/jpeg", data=JPEG),
            Piece(name="manifest", content_type="image/png", data=PNG),
            Piece(name="ümlaut.txt", content_type="text/plain", data=b"hi", kind=PartKind.TEXT),
        ]
        data = pack(pieces)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.namelist() == ["manifest", "a_b.jpg", "a_b-2.jpg", "manifest.png", "ümlaut.txt"]
        assert [piece.data for piece in unpack(data)] == [JPEG, JPEG, PNG, b"hi"]
