"""Customers' APIs, each a pure translator."""

from collections.abc import Mapping

from broker.dialects.base import Dialect
from broker.dialects.mxtelecom.dialect import MxTelecomDialect
from broker.dialects.native.dialect import NativeDialect
from broker.dialects.ozeki.dialect import OzekiDialect

DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect for dialect in (NativeDialect(), OzekiDialect(), MxTelecomDialect())
}
