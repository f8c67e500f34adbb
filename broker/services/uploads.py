"""Bring what a draft wants to send along under our own roof."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from broker.domain.account import Account
from broker.domain.content_type import canonical
from broker.domain.draft import MediaRef
from broker.domain.ids import read_part_id
from broker.domain.media import kind_of, safe_name, settle
from broker.domain.message import Part, PartState
from broker.domain.value import replace
from broker.errors import (
    AttachmentUnavailable,
    Busy,
    ContentTooLarge,
    InvalidField,
    MediaForbidden,
    MediaWrongType,
    RecordsAway,
    RequestError,
    UnsupportedType,
)
from broker.net.guard import Guard
from broker.services import outbox
from broker.settings import Settings
from broker.storage import parts as part_rows
from broker.storage.away import StorageAway
from broker.storage.database import Database
from broker.storage.files import StoredUpload, find_upload, forget_upload, store_upload


class Uploads:
    """Makes parts of media: uploads and outbox files are stored first, URLs are looked at and fetched later.

    Blocking: it reads and writes files, and waits for the disk. For threads.
    """

    def __init__(self, settings: Settings, guard: Guard, database: Database) -> None:
        self._settings = settings
        self._guard = guard
        self._database = database

    def collect(self, media: Sequence[MediaRef], account: Account) -> tuple[Part, ...]:
        """Return a pending part for each URL and a stored one for all else, numbered from 1.

        Raises:
            RequestError: one of them cannot be sent; its pointer says which.
            Busy: the disk does not take it, or SQL is away.
        """
        parts: list[Part] = []
        limit = room = self._settings.media_message_limit
        for ref in media:
            if ref.url is not None:
                self.check_url(ref.url, pointer=ref.pointer)
        try:
            for index, ref in enumerate(media, start=1):
                parts.append(self._part(index, ref, account.name))
                room -= parts[-1].size
                if room < 0:
                    raise ContentTooLarge(
                        f"all media together must have at most {limit} bytes", pointer=ref.pointer
                    )
        except (RequestError, Busy):
            self.discard(media, parts)
            raise
        return tuple(parts)

    def discard(self, media: Sequence[MediaRef], parts: Sequence[Part]) -> None:
        """Remove what `collect` stored of these media, for a request of which nothing is kept; uploads stay."""
        for ref, part in zip(media, parts, strict=False):
            if ref.media_id is None and part.path is not None:
                forget_upload(Path(part.path))

    def check_url(self, url: str, *, pointer: str) -> None:
        """Return if a URL that a customer gave does not lead inside.

        Raises:
            InvalidField: it does, or is no URL.
        """
        try:
            self._guard.check_url(url)
        except MediaForbidden as error:
            raise InvalidField(str(error), pointer=pointer) from error

    def store(self, ref: MediaRef, data: bytes, account: str) -> StoredUpload:
        """Keep media as an upload of the account.

        Raises:
            AttachmentUnavailable, ContentTooLarge, UnsupportedType: it is empty, too large, or of no type we carry.
            Busy: the disk does not take it.
        """
        limit = self._settings.media_part_limit
        if not data:
            raise AttachmentUnavailable("the file is empty", pointer=ref.pointer)
        if len(data) > limit:
            raise ContentTooLarge(f"must have at most {limit} bytes", pointer=ref.pointer)
        try:
            content_type = settle(data, canonical(ref.content_type), ref.name)
        except MediaWrongType as error:
            raise UnsupportedType(str(error), pointer=ref.pointer) from error
        name = safe_name(ref.name, content_type)
        return store_upload(self._settings.uploads, account, data, content_type=content_type, name=name)

    def _part(self, index: int, ref: MediaRef, account: str) -> Part:
        if ref.url is not None:
            return Part(index=index, url=ref.url, content_type=ref.content_type, name=ref.name)
        named = read_part_id(ref.media_id or "")
        if named is not None:
            return replace(self._stored_part(named, ref, account), index=index)
        upload = self._upload(ref, account)
        return Part(
            index=index,
            content_type=upload.content_type,
            name=upload.name,
            kind=kind_of(upload.content_type, upload.name),
            state=PartState.STORED,
            size=upload.size,
            sha256=upload.sha256,
            path=str(upload.path),
        )

    def _stored_part(self, named: tuple[str, int], ref: MediaRef, account: str) -> Part:
        """Return a part that came with, or went out with, another message of the account."""
        message_id, index = named
        query = partial(part_rows.stored, message_id=message_id, index=index, account=account)
        try:
            found = self._database.read(query)
        except StorageAway as error:
            raise RecordsAway("stored parts cannot be looked up now") from error
        if found is None or not Path(found.path or "").is_file():
            raise AttachmentUnavailable(
                "there is no such media", pointer=ref.pointer, value=ref.media_id or ""
            )
        return replace(found, url=None)

    def _upload(self, ref: MediaRef, account: str) -> StoredUpload:
        if ref.media_id is not None:
            found = find_upload(self._settings.uploads, account, ref.media_id)
            if found is None:
                raise AttachmentUnavailable("there is no such media", pointer=ref.pointer, value=ref.media_id)
            return found
        if ref.path is None:
            return self.store(ref, ref.data or b"", account)
        root, limit = self._settings.outbox, self._settings.media_part_limit
        data = outbox.read(
            root,
            account,
            ref.path,
            limit=limit,
            prefixes=self._settings.outbox_prefixes,
            pointer=ref.pointer,
        )
        name = ref.name or Path(ref.path.replace("\\", "/")).name
        named = MediaRef(path=ref.path, content_type=ref.content_type, name=name, pointer=ref.pointer)
        return self.store(named, data, account)
