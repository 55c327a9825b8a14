"""TLS as servers really speak it: every flaw of a certificate has its words, every date is read right."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain.asks import TlsAsks
from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health, Service
from controlroom.probes import certificate
from controlroom.probes.prober import Prober
from tests import faults
from tests.conftest import Start
from tests.probes.tls_servers import openssl

NOW = dt.datetime(2031, 5, 6, 9, 30, tzinfo=dt.UTC)
KEY = ec.generate_private_key(ec.SECP256R1())
Files = tuple[Path, Path]


def name(*parts: str) -> x509.Name:
    """A name of an organisation, if there are two parts, and a common name."""
    kinds = [NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME][-len(parts) :]
    return x509.Name([x509.NameAttribute(kind, part) for kind, part in zip(kinds, parts, strict=True)])


def made(
    begin: dt.datetime,
    end: dt.datetime,
    subject: x509.Name | None = None,
    names: Sequence[x509.GeneralName] = (),
) -> x509.Certificate:
    """A certificate that vouches for itself."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject if subject is not None else name("127.0.0.1"))
        .issuer_name(subject if subject is not None else name("127.0.0.1"))
        .public_key(KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(KEY, hashes.SHA256())


def files(folder: Path, begin: dt.timedelta, end: dt.timedelta) -> Files:
    """Certificate and key of 127.0.0.1, good from `begin` to `end` from now."""
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    own = made(now + begin, now + end, names=[address, x509.DNSName("own.example")])
    paths = folder / "own.crt", folder / "own.key"
    paths[0].write_bytes(own.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        KEY.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


def der(of: x509.Certificate) -> bytes:
    """Its bytes, as a server sends them."""
    return of.public_bytes(serialization.Encoding.DER)


async def ask(prober: Prober, address: str, deadline: float = 3.0, **keys: object) -> ProbeResult:
    """One probe."""
    return await prober(Service("it", "tls", url=address, **keys), deadline)  # type: ignore[arg-type]


@contextlib.contextmanager
def shown(paths: Files) -> Iterator[str]:
    """A server that shows a certificate."""
    with faults.scripted(faults.over_tls(paths, lambda plug: None)) as address:
        yield address


DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)


@pytest.mark.parametrize("verify", [True, False], ids=["verified", "not verified"])
@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (62 * DAY + HOUR, (Health.UP, "good for 62 days")),
        (21 * DAY + HOUR, (Health.UP, "good for 21 days")),
        (21 * DAY - HOUR, (Health.DEGRADED, "ends in 20 days")),
        (3 * DAY + HOUR, (Health.DEGRADED, "ends in 3 days")),
        (3 * DAY - HOUR, (Health.DOWN, "ends in 2 days")),
        (DAY + HOUR, (Health.DOWN, "ends in 1 day ")),
        (2 * HOUR + dt.timedelta(minutes=10), (Health.DOWN, "ends in 2h 0")),
    ],
)
async def test_days_left_are_judged(
    prober: Prober, tmp_path: Path, left: dt.timedelta, expected: tuple[Health, str], verify: bool
) -> None:
    """Below 21 days it is DEGRADED, below 3 DOWN; the days and the date are in the reason."""
    health, words = expected
    paths = files(tmp_path, -DAY, left)
    with shown(paths) as address:
        result = await ask(prober, address, ca=str(paths[0]), verify=verify)
    assert result.health is health, result
    assert result.reason.startswith(f"certificate {words}")
    end = f"{dt.datetime.now(dt.UTC) + left:%Y-%m-%d}"
    assert result.reason.endswith(f"({end})")
    assert list(result.detail)[:2] == ["ends", "issuer"]
    assert result.detail == {
        "ends": end,
        "issuer": "127.0.0.1",
        "TLS": "1.3",
        "names": "127.0.0.1, own.example",
    }
    assert "subject: CN=127.0.0.1\n" in result.raw
    assert "names: 127.0.0.1, own.example" in result.raw


async def test_limits_are_the_services_own(prober: Prober, tmp_path: Path) -> None:
    """`warn_days` and `down_days`, parts of a day too."""
    paths = files(tmp_path, -DAY, DAY)
    for asks, health in (
        (TlsAsks(0.5, 0.1), Health.UP),
        (TlsAsks(1.5, 0.5), Health.DEGRADED),
        (TlsAsks(10, 2), Health.DOWN),
    ):
        with shown(paths) as address:
            assert (await ask(prober, address, ca=str(paths[0]), tls=asks)).health is health


@pytest.mark.parametrize(
    ("dates", "verified", "unverified"),
    [
        ((-2 * DAY, -DAY), "certificate has expired", "certificate has expired ("),
        ((DAY, 90 * DAY), "certificate not valid yet", "certificate not valid yet, only from "),
    ],
    ids=["expired", "not yet"],
)
async def test_dates_that_do_not_hold_are_down_verified_or_not(
    prober: Prober, tmp_path: Path, dates: tuple[dt.timedelta, dt.timedelta], verified: str, unverified: str
) -> None:
    """Switching verification off does not make an expired certificate good."""
    paths = files(tmp_path, *dates)
    with shown(paths) as address:
        strict = await ask(prober, address, ca=str(paths[0]))
        lax = await ask(prober, address, verify=False)
    assert (strict.health, strict.reason) == (Health.DOWN, verified)
    assert lax.health is Health.DOWN
    assert lax.reason.startswith(unverified)
    assert lax.detail


async def test_who_signed_and_for_whom(prober: Prober, tmp_path: Path) -> None:
    """An unknown CA, a certificate that signed itself, and one for another host are told apart."""
    ca = faults.authority(tmp_path / "ca")
    own = files(tmp_path, -DAY, 90 * DAY)
    with shown(ca.server()) as address:
        assert (await ask(prober, address)).reason == "certificate of an unknown CA"
    with shown(own) as address:
        assert (await ask(prober, address)).reason == "self-signed certificate, not trusted"
    with shown(ca.server("elsewhere.example")) as address:
        result = await ask(prober, address, ca=str(ca.path))
        assert (result.health, result.reason) == (Health.DOWN, "certificate is not for 127.0.0.1")
        asks = TlsAsks(0.5, 0.1, name="elsewhere.example")
        assert (await ask(prober, address, ca=str(ca.path), tls=asks)).health is Health.UP
        asks = TlsAsks(name="third.example")
        result = await ask(prober, address, ca=str(ca.path), tls=asks)
        assert result.reason == "certificate is not for third.example"


async def test_the_name_asked_for_is_sent(prober: Prober, tmp_path: Path) -> None:
    """A server with several certificates gets the name by which to choose (SNI, RFC 6066)."""
    heard: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files(tmp_path, -DAY, 90 * DAY))
    context.sni_callback = lambda plug, asked, context: heard.append(asked)

    def handle(plug: socket.socket) -> None:
        context.wrap_socket(plug, server_side=True).close()

    with faults.scripted(handle) as address:
        await ask(prober, address, verify=False, tls=TlsAsks(name="shop.example"))
    assert heard == ["shop.example"]


@pytest.mark.parametrize(
    ("url", "words"),
    [("https://h", "tls://"), ("h:x", "port"), ("", "host"), ("a" * 70 + ".example:1", "not a host name")],
)
async def test_what_cannot_be_asked(prober: Prober, url: str, words: str) -> None:
    """UNKNOWN: nothing is wrong with the service."""
    result = await ask(prober, url)
    assert result.health is Health.UNKNOWN
    assert words in result.reason


@pytest.mark.parametrize("named", [".bad", "a" * 70 + ".example", "a..b"])
async def test_a_name_no_certificate_can_have_is_not_the_services_fault(prober: Prober, named: str) -> None:
    """UNKNOWN, and the name is said."""
    with faults.silent() as address:
        result = await ask(prober, address, tls=TlsAsks(name=named))
    assert result.health is Health.UNKNOWN
    assert result.reason.startswith(f"not a host name: {named[:50]}")


async def test_a_server_that_hangs_up_in_the_handshake_is_told_from_a_reset(prober: Prober) -> None:
    """A polite farewell and a reset by the network are two things to look for."""
    with faults.scripted(faults.closes) as address:
        assert (await ask(prober, address)).reason == "closed the connection during the TLS handshake"
    with faults.scripted(faults.resets) as address:
        assert (await ask(prober, address)).reason == "connection reset"


async def test_a_renewed_certificate_is_seen_at_once(prober: Prober, start: Start, tmp_path: Path) -> None:
    """Every look is a handshake of its own: what OpenSSL's server shows after its restart is what counts."""
    asks = TlsAsks(30, 10)
    paths = files(tmp_path, -DAY, 20 * DAY)
    server = start(lambda folder: openssl(folder, paths))
    result = await ask(prober, server.address, verify=False, tls=asks)
    assert result.health is Health.DEGRADED
    files(tmp_path, -DAY, 200 * DAY)
    server.restart()
    renewed = await ask(prober, server.address, verify=False, tls=asks)
    assert renewed.health is Health.UP
    assert renewed.detail != result.detail


async def test_an_old_version_of_tls_is_named(prober: Prober, start: Start, tmp_path: Path) -> None:
    """A server that speaks TLS 1.2 only is shown as such; one with none in common is DOWN."""
    paths = files(tmp_path, -DAY, 90 * DAY)
    server = start(lambda folder: openssl(folder, paths, "-tls1_2"))
    assert (await ask(prober, server.address, verify=False)).detail["TLS"] == "1.2"
    old = start(lambda folder: openssl(folder, paths, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"))
    result = await ask(prober, old.address, verify=False)
    assert (result.health, result.reason) == (Health.DOWN, "no TLS version in common")


def test_every_date_is_read() -> None:
    """UTCTime until 2049, GeneralizedTime from 2050 on, and the end of a certificate without one."""
    for end in (
        dt.datetime(2049, 12, 31, 23, 59, 59, tzinfo=dt.UTC),
        dt.datetime(2050, 1, 1, tzinfo=dt.UTC),
        dt.datetime(2051, 2, 28, 1, 2, 3, tzinfo=dt.UTC),
        certificate.ENDLESS,
    ):
        assert certificate.read(der(made(dt.datetime(1951, 1, 2, tzinfo=dt.UTC), end))).not_after == end


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z", "M"]), min_size=1, max_size=40)
HOST = st.from_regex(r"(\*\.)?[a-z0-9][a-z0-9-]{0,20}(\.[a-z]{2,8}){1,3}", fullmatch=True)
MOMENT = st.datetimes(dt.datetime(1950, 1, 1), dt.datetime(9999, 12, 31)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0, tzinfo=dt.UTC)
)


@given(
    st.lists(MOMENT, min_size=2, max_size=2, unique=True).map(sorted),
    TEXT,
    TEXT,
    st.lists(HOST, max_size=20),
    st.lists(st.ip_addresses(), max_size=3),
)
def test_what_a_certificate_says_is_read_as_cryptography_wrote_it(
    dates: list[dt.datetime],
    organisation: str,
    common: str,
    hosts: list[str],
    addresses: list[ipaddress.IPv4Address | ipaddress.IPv6Address],
) -> None:
    """Dates, names and alternative names of any certificate, in any script."""
    names = [*map(x509.DNSName, hosts), *map(x509.IPAddress, addresses)]
    read = certificate.read(der(made(dates[0], dates[1], name(organisation, common), names)))
    assert [read.not_before, read.not_after] == dates
    assert read.subject == read.issuer == f"O={organisation}, CN={common}"
    assert read.issued_by == organisation
    assert list(read.names[: len(hosts)]) == hosts
    assert [ipaddress.ip_address(text) for text in read.names[len(hosts) :]] == addresses


REAL = der(made(NOW, NOW + DAY, name("Öl & Co", "x" * 64), [x509.DNSName("a.example")] * 150))


def test_names_are_bounded() -> None:
    """A certificate for thousands of hosts is not copied whole."""
    assert len(certificate.read(REAL).names) == certificate.NAMES


@given(st.binary(max_size=200))
def test_bytes_that_are_no_certificate_are_refused(raw: bytes) -> None:
    """ValueError, never another exception."""
    with pytest.raises(ValueError):
        certificate.read(raw)


@given(st.data())
def test_a_broken_certificate_is_refused_or_read(data: st.DataObject) -> None:
    """Whatever bytes of a real one are changed, cut off or doubled: ValueError, or text that is harmless."""
    raw = bytearray(REAL)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    with contextlib.suppress(ValueError):
        read = certificate.read(bytes(raw))
        assert all(text.isprintable() for text in (read.subject, read.issuer, *read.names))


def test_every_prefix_of_a_certificate_is_refused() -> None:
    """Nothing is read beyond the end."""
    for end in range(len(REAL) - 1):
        with pytest.raises(ValueError):
            certificate.read(REAL[:end])


async def test_looking_leaves_a_real_server_as_it_was(prober: Prober, start: Start, tmp_path: Path) -> None:
    """Twenty looks, one after another, at a server that serves one client at a time: all well."""
    server = start(lambda folder: openssl(folder, files(tmp_path, -DAY, 90 * DAY)))
    for _ in range(20):
        assert (await ask(prober, server.address, verify=False)).health is Health.UP
