"""What a person wants to publish: read, told apart, and checked as a whole."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from mktool import errors as e
from mktool.core import content
from mktool.core.content import Content, compose, decoded, digest, media_from
from mktool.model import Media, Post
from mktool.provider import Provider
from mktool.providers import load
from mktool.spec import Files, Spec, Text

PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)
SPEC = Spec(
    "acme", "Acme", "https://docs.example", "https://acme.example", auth=(),
    text=Text(20, reply_limit=10),
    files=Files({"image": (2, 100), "video": (1, 1000)}, frozenset({"image/png", "video/mp4"}), 8),
)  # fmt: skip


class TestText:
    @pytest.mark.parametrize(
        ("raw", "text"),
        [
            (b"plain", "plain"),
            (b"\xef\xbb\xbfwith a mark", "with a mark"),
            ("Größe 😀".encode("utf-16"), "Größe 😀"),
            (b"\xfe\xff" + "Größe".encode("utf-16-be"), "Größe"),
            (b"  two\r\nlines\t \n", "two\nlines"),
            (b"", ""),
        ],
    )
    def test_is_decoded(self, raw: bytes, text: str) -> None:
        assert decoded(raw, "it") == text

    @pytest.mark.parametrize(
        ("raw", "says"),
        [
            ("Größe".encode("cp1252"), "not UTF-8 text (byte 2)"),
            (b"\xff\xfea", "not UTF-8 text"),
            (b"nul\0", "control character (U+0000)"),
            (b"bell\a", "control character (U+0007)"),
            ("\x9b2J".encode(), "control character (U+009B)"),  # a terminal would obey it
            ("no mark".encode("utf-16-le"), "control character (U+0000)"),
            (b"a" * (content.MAX_TEXT + 1), "larger than 10 MB"),
        ],
    )
    def test_that_is_none_is_refused(self, raw: bytes, says: str) -> None:
        with pytest.raises(e.InvalidInput) as caught:
            decoded(raw, "notes.txt")
        assert caught.value.message.startswith("notes.txt: ")
        assert says in caught.value.message

    def test_in_cp1252_is_helped(self) -> None:
        with pytest.raises(e.InvalidInput) as caught:
            decoded("é".encode("cp1252"), "stdin")
        assert "iconv -f cp1252 -t utf-8" in caught.value.hint

    def test_in_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "post.txt").write_bytes(b"hello\n")
        assert content.read_file(tmp_path / "post.txt") == "hello"

    @pytest.mark.parametrize("name", ["missing.txt", ".", "a" * 300])
    def test_in_no_file(self, name: str, tmp_path: Path) -> None:
        with pytest.raises(e.InvalidInput):
            content.read_file(tmp_path / name)


class TestMedia:
    @pytest.mark.parametrize(
        ("head", "kind", "mime"),
        [
            (PNG, "image", "image/png"),
            (b"\xff\xd8\xff\xe0", "image", "image/jpeg"),
            (b"GIF89a", "gif", "image/gif"),
            (b"RIFF\0\0\0\0WEBPVP8 ", "image", "image/webp"),
            (b"\0\0\0\x20ftypisom", "video", "video/mp4"),
            (b"\0\0\0\x14ftypqt  ", "video", "video/quicktime"),
            (b"\0\0\0\x20ftypheic", "image", "image/heic"),  # a phone's photo is no video
            (b"\0\0\0\x20ftypmif1", "image", "image/heic"),
            (b"\0\0\0\x20ftypavif", "image", "image/avif"),
            (b"\0\0\0\x20ftypM4A ", "file", "audio/mp4"),
            (b"\x1aE\xdf\xa3", "video", "video/webm"),
            (b"%PDF-1.7", "file", "image/jpeg"),  # only what has no known beginning goes by name
        ],
    )
    def test_kind_is_told_by_the_first_bytes(
        self, head: bytes, kind: str, mime: str, tmp_path: Path
    ) -> None:
        path = tmp_path / "photo.jpg"
        path.write_bytes(head)
        found = media_from(str(path))
        assert (found.kind, found.mime, found.size) == (kind, mime, len(head))

    @pytest.mark.parametrize(
        ("name", "tail", "alt"),
        [
            ("cat.png", "", ""),
            ("cat.png", "=A cat", "A cat"),
            ("cat.png", "= 1+1=2 ", "1+1=2"),
            ("a=b.png", "", ""),
            ("a=b.png", "=A=B", "A=B"),
            ("cat.png", "=" + "long " * 200, ("long " * 200).strip()),  # too long for a file name
        ],
    )
    def test_path_and_alt(self, name: str, tail: str, alt: str, tmp_path: Path) -> None:
        path = tmp_path / name
        path.write_bytes(PNG)
        found = media_from(f"{path}{tail}")
        assert (found.path, found.alt) == (path, alt)

    def test_path_is_kept_whole(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "cat.png").write_bytes(PNG)
        monkeypatch.chdir(tmp_path)
        assert media_from("cat.png").path == tmp_path / "cat.png"

    def test_that_is_missing_is_named_without_its_alt(self) -> None:
        with pytest.raises(e.InvalidInput, match=r"^gone\.png: No such file"):
            media_from("gone.png=what it would show")

    def test_that_is_empty_or_no_file(self, tmp_path: Path) -> None:
        (tmp_path / "empty.png").touch()
        with pytest.raises(e.InvalidInput, match="is empty"):
            media_from(str(tmp_path / "empty.png"))
        with pytest.raises(e.InvalidInput, match="is not a file"):
            media_from(str(tmp_path))
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(e.InvalidInput, match="is not a file"):
            media_from(str(tmp_path / "pipe"))


def image(size: int = 50, *, name: str = "a.png", alt: str = "", mime: str = "image/png") -> Media:
    return Media(Path("/nowhere") / name, "image", mime, size, alt)


def video(size: int = 50) -> Media:
    return Media(Path("/nowhere/a.mp4"), "video", "video/mp4", size)


class TestCompose:
    def test_one_post(self) -> None:
        assert compose(SPEC, Content("hello", extra={"k": "v"})) == [
            Post("hello", extra={"k": "v"}),
        ]

    @pytest.mark.parametrize(
        ("media", "says"),
        [
            ((image(), image(), image()), "3 x image, 2 fit"),
            ((image(101),), "a.png: 0.0 MB"),
            ((image(), video()), "image or video, not both"),
            ((image(mime="image/heic", name="b.heic"),), "b.heic (image/heic): Acme does not"),
            ((replace(image(), kind="gif", mime="image/gif"),), "does not take it"),
            ((image(alt="longer than that"),), "description is longer than 8"),
        ],
    )
    def test_media_beyond_the_limits(self, media: tuple[Media, ...], says: str) -> None:
        with pytest.raises(e.InvalidInput) as caught:
            compose(SPEC, Content("hello", media=media))
        assert says in caught.value.message

    def test_media_where_there_are_none(self) -> None:
        with pytest.raises(e.Unsupported):
            compose(replace(SPEC, files=None), Content("hello", media=(image(),)))

    def test_media_go_with_the_first_part(self) -> None:
        posts = compose(SPEC, Content("one\n---\ntwo", thread=True, media=(image(),)))
        assert [(p.text, len(p.media)) for p in posts] == [("one", 1), ("two", 0)]
        assert [p.media for p in compose(SPEC, Content(media=(image(),)))] == [(image(),)]

    @pytest.mark.parametrize("text", ["", "---", "---\n\n---"])
    @pytest.mark.parametrize("thread", [True, False])
    def test_nothing(self, text: str, thread: bool) -> None:
        if text and not thread:
            assert compose(SPEC, Content(text))[0].text == text
            return
        with pytest.raises(e.InvalidInput, match="nothing to publish"):
            compose(SPEC, Content(text, thread=thread))

    def test_a_text_that_is_too_long(self) -> None:
        with pytest.raises(e.InvalidInput) as caught:
            compose(SPEC, Content("a" * 21))
        assert caught.value.message == "Acme: the text is 21 characters long, 20 fit"
        assert "--thread" in caught.value.hint

    def test_a_thread_is_cut_to_the_room_of_each_part(self) -> None:
        posts = compose(SPEC, Content("one two three four five six", thread=True))
        assert [p.text for p in posts] == ["one two three four", "five six"]
        marked = compose(SPEC, Content("first part\n---\nsecond one here", thread=True))
        assert [p.text for p in marked] == ["first part", "second one", "here"]

    def test_a_link_stands_in_the_text_once(self) -> None:
        link = "https://a.example"
        spec = replace(SPEC, text=Text(80))
        assert compose(spec, Content("see", link=link))[0].text == f"see\n\n{link}"
        assert compose(spec, Content(f"see {link}", link=link))[0].text == f"see {link}"
        assert compose(spec, Content(link=link))[0].text == link
        assert compose(spec, Content(link=link))[0].link == ""

    def test_a_link_ends_a_thread(self) -> None:
        link = "https://a.example"
        spec = replace(SPEC, text=Text(30))
        posts = compose(spec, Content("one\n---\ntwo", thread=True, link=link))
        assert [p.text for p in posts] == ["one", f"two\n\n{link}"]
        posts = compose(spec, Content("one\n---\ntwo, a little longer", thread=True, link=link))
        assert [p.text for p in posts] == ["one", "two, a little longer", link]

    def test_a_link_as_a_card_unless_there_are_media(self) -> None:
        link = "https://a.example"
        spec = replace(SPEC, text=Text(80), link="attach")
        assert compose(spec, Content("see", link=link)) == [Post("see", link=link)]
        beside = compose(spec, Content("see", link=link, media=(image(),)))
        assert beside == [Post(f"see\n\n{link}", media=(image(),))]

    @pytest.mark.parametrize("link", ["a.example", "ftp://a.example", "https://a b", "javascript:"])
    def test_a_link_that_is_none(self, link: str) -> None:
        with pytest.raises(e.InvalidInput, match="is not a web address"):
            compose(SPEC, Content("see", link=link))

    def test_a_link_where_none_is_taken(self) -> None:
        with pytest.raises(e.Unsupported):
            compose(replace(SPEC, link="none"), Content("see", link="https://a.example"))

    def test_measure(self) -> None:
        rule = Text(20, "letters", reply_limit=10)
        assert content.measure(rule, "four", reply=False) == "4/20 letters"
        assert content.measure(rule, "four", reply=True) == "4/10 letters"


class TestCheck:
    def test_refusals_of_the_provider_are_said_before_the_first_part(self) -> None:
        class Picky(load("x")):  # type: ignore[misc]  # a class, found by its name
            def refuses(self, post: Post) -> str:
                return "no second parts" if post.reply_to else ""

        bound = Picky(None)
        content.check(bound, [Post("one")])
        with pytest.raises(e.Unsupported, match="X: no second parts"):
            content.check(bound, [Post("one"), Post("two")])

    def test_what_a_provider_cannot_do(self) -> None:
        class Silent(Provider):
            spec = SPEC

        with pytest.raises(e.Unsupported, match="Acme cannot publish posts"):
            content.check(Silent(None), [Post("one")])  # type: ignore[arg-type]  # no call is made


class TestKeeping:
    @pytest.fixture
    def post(self, tmp_path: Path) -> Post:
        (tmp_path / "cat.png").write_bytes(PNG)
        media = media_from(f"{tmp_path / 'cat.png'}=A cat")
        return Post("hello", media=(media,), link="https://a.example", extra={"k": "v"})

    def test_there_and_back(self, post: Post) -> None:
        assert content.from_json(content.to_json([post, Post("two")])) == [post, Post("two")]

    def test_a_file_that_changed_or_went(self, post: Post) -> None:
        kept, path = content.to_json([post]), post.media[0].path
        path.write_bytes(PNG + b"!")
        with pytest.raises(e.InvalidInput, match="changed since the post was made"):
            content.from_json(kept)
        path.unlink()
        with pytest.raises(e.InvalidInput, match="No such file"):
            content.from_json(kept)

    def test_digest_is_of_the_content_and_of_nothing_else(self, post: Post, tmp_path: Path) -> None:
        copy = tmp_path / "copy.png"
        copy.write_bytes(PNG)
        same = replace(post, media=(replace(post.media[0], path=copy),), token="t")
        assert digest([same]) == digest([post])

    @pytest.mark.parametrize("name", ["text", "link", "extra", "media", "alt", "split"])
    def test_digest_differs_with_the_content(self, name: str, post: Post, tmp_path: Path) -> None:
        other = tmp_path / "other.png"
        other.write_bytes(PNG + b"!")
        changed = {
            "text": [replace(post, text="hello!")],
            "link": [replace(post, link="https://b.example")],
            "extra": [replace(post, extra={"k": "w"})],
            "media": [replace(post, media=(media_from(f"{other}=A cat"),))],
            "alt": [replace(post, media=(replace(post.media[0], alt="A dog"),))],
            "split": [replace(post, text="hel"), Post("lo")],
        }
        assert digest(changed[name]) != digest([post])
