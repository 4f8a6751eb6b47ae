"""What a thief of the issuing key can make, held against those who check TLS servers.

Forged leaves are refused by OpenSSL, Node, `cryptography` and Java; lawful ones pass. The same
attack below a hierarchy without limits is accepted, so that each refusal is known to be ours.
Software that this machine lacks is skipped by name.
"""

from __future__ import annotations

import ipaddress
import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from eds.algorithms import ECDSA_P256_SHA256
from eds.ca.profiles import common_name
from eds.ca.tbs import IssuerFacts, assemble, build_tbs
from eds.certificates import Certificate
from eds.names import Name
from tests.ca import hierarchy
from tests.ca.hierarchy import CN, DAY, GN, NOON, SERIAL, SN, C, Holder

HOST = "example.com"
ADDRESS = "192.0.2.1"  # the one address that the name constraints permit: nobody has it
OTHER_ADDRESS = "127.0.0.1"
PERMITTED = "eds.invalid"
SERVER = ExtendedKeyUsageOID.SERVER_AUTH
LAWFUL = (ExtendedKeyUsageOID.CLIENT_AUTH, ObjectIdentifier("1.3.6.1.5.5.7.3.36"))


@dataclass(frozen=True, kw_only=True)
class Attack:
    common_name: str = "IVANOV IVAN"
    names: tuple[x509.GeneralName, ...] = ()
    purposes: tuple[ObjectIdentifier, ...] | None = (SERVER,)
    host: str = HOST


DNS = x509.DNSName(HOST)
ATTACKS = {
    "DNS name with serverAuth": Attack(names=(DNS,)),
    "DNS name without a purpose": Attack(names=(DNS,), purposes=None),
    "DNS name with any purpose": Attack(
        names=(DNS,), purposes=(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)
    ),
    "DNS name with server gated cryptography": Attack(
        names=(DNS,), purposes=(ObjectIdentifier("2.16.840.1.113730.4.1"),)
    ),
    "DNS name with lawful purposes": Attack(names=(DNS,), purposes=LAWFUL),
    "DNS name beside a lawful subject and mailbox": Attack(
        names=(x509.RFC822Name("a@example.kz"), DNS)
    ),
    "a wildcard": Attack(names=(x509.DNSName("*.com"),)),
    "host in the common name alone": Attack(common_name=HOST),
    "host in the common name, no purpose": Attack(common_name=HOST, purposes=None),
    "host in the common name, mailbox beside": Attack(
        common_name=HOST, names=(x509.RFC822Name("a@example.kz"),)
    ),
    "an IP address": Attack(
        names=(x509.IPAddress(ipaddress.ip_address(OTHER_ADDRESS)),),
        host=OTHER_ADDRESS,
    ),
    "the permitted name with serverAuth": Attack(names=(x509.DNSName(PERMITTED),), host=PERMITTED),
}
# The name constraints permit a name that nobody holds. There only the purposes of the issuing
# certificate refuse, and Java does not hold a leaf against those.
JAVA_ACCEPTS = frozenset({"the permitted name with serverAuth"})


def forge(attack: Attack, *, issuer: hierarchy.Authority) -> Holder:
    key = hierarchy.leaf_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(
            x509.Name(
                [
                    x509.NameAttribute(NameOID.COUNTRY_NAME, "KZ"),
                    x509.NameAttribute(NameOID.COMMON_NAME, attack.common_name),
                ]
            )
        )
        .issuer_name(issuer.certificate.native.subject)
        .public_key(key.public_key())
        .serial_number(hierarchy.serial_number())
        .not_valid_before(BEGIN)
        .not_valid_after(END)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()),
            critical=False,
        )
    )
    if attack.purposes is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(attack.purposes), critical=False)
    if attack.names:
        builder = builder.add_extension(x509.SubjectAlternativeName(attack.names), critical=False)
    certificate = builder.sign(issuer.key, hashes.SHA256())
    return Holder(
        key=key,
        certificate=type(issuer.certificate)(certificate.public_bytes(serialization.Encoding.DER)),
    )


@dataclass(frozen=True, kw_only=True)
class Hierarchy:
    root: hierarchy.Authority
    issuing: hierarchy.Authority


# Node, Java and GnuTLS take the time from the machine: what they judge is valid for long.
BEGIN, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2049, 12, 31, tzinfo=UTC)


@cache
def limited(issuing: str = "issuing-ca") -> Hierarchy:
    """The hierarchy of the shipped profiles."""
    return Hierarchy(root=limited_authority("root"), issuing=limited_authority(issuing))


@cache
def limited_authority(profile: str) -> hierarchy.Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    public_key, subject = hierarchy.public(key), hierarchy.subject_of(profile)
    if profile == "root":
        issuer = IssuerFacts.of_new_root(
            name=subject,
            public_key=public_key,
            algorithm=ECDSA_P256_SHA256,
            not_before=BEGIN,
            not_after=END,
        )
    else:
        issuer = limited_authority("root").facts
    tbs = build_tbs(
        hierarchy.PROFILES[profile],
        issuer=issuer,
        serial_number=hierarchy.serial_number(),
        subject=subject,
        public_key=public_key,
        not_before=BEGIN,
        not_after=END,
    )
    signer = key if profile == "root" else limited_authority("root").key
    signature = signer.sign(tbs, ec.ECDSA(hashes.SHA256()))
    certificate = Certificate(assemble(tbs, algorithm=ECDSA_P256_SHA256, signature=signature))
    facts = IssuerFacts.of(
        certificate,
        algorithm=ECDSA_P256_SHA256,
        crl_urls=("http://crl.example.kz/2026/{shard}.crl",),
        shard_count=hierarchy.SHARDS,
        ca_issuer_urls=("http://pki.example.kz/issuing.cer",),
        ocsp_urls=("http://ocsp.example.kz/",),
    )
    return hierarchy.Authority(key=key, certificate=certificate, facts=facts)


def issue(profile: str, **changes: object) -> Holder:
    """A lawful leaf below the limited hierarchy."""
    house = limited("time-stamping-ca" if profile == "tsa" else "issuing-ca")
    arguments: dict[str, object] = {
        "issuer": house.issuing.facts,
        "not_before": BEGIN,
        "not_after": END,
        **changes,
    }
    tbs = hierarchy.good_tbs(profile, **arguments)
    return Holder(key=hierarchy.leaf_key(), certificate=house.issuing.sign(tbs))


@cache
def unlimited() -> Hierarchy:
    """The control: the same shape without purposes and name constraints."""
    return Hierarchy(root=plain_authority(None), issuing=plain_authority(0))


@cache
def plain_authority(path_length: int | None) -> hierarchy.Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    parent = None if path_length is None else plain_authority(None)
    label = "Plain root 2026" if parent is None else "Plain issuing 2026"
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, label)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if parent is None else parent.certificate.native.subject)
        .public_key(key.public_key())
        .serial_number(hierarchy.serial_number())
        .not_valid_before(BEGIN)
        .not_valid_after(END)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(
                (key if parent is None else parent.key).public_key()
            ),
            critical=False,
        )
        .add_extension(
            x509.KeyUsage(
                digital_signature=False,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(key if parent is None else parent.key, hashes.SHA256())
    )
    found = hierarchy.root()
    return hierarchy.Authority(
        key=key,
        certificate=type(found.certificate)(certificate.public_bytes(serialization.Encoding.DER)),
        facts=found.facts,
    )


def lawful() -> dict[str, Holder]:
    """One of each profile with a login, and the people on whom verifiers have stumbled."""
    one_name = common_name("SUHARTO")
    unified = "natural-person-unified"
    found = {name: issue(name) for name in hierarchy.LEAVES if name != "tsa"}
    found["C=UZ"] = issue("non-resident-authentication")
    found["one name"] = issue(
        unified,
        subject=Name.build(
            [(C, "ID"), (CN, one_name), (SN, "SUHARTO"), (SERIAL, "IDCID-3174012345678901")]
        ),
    )
    found["Latin letters"] = issue(
        unified,
        subject=Name.build(
            [(C, "KZ"), (CN, "IVANOV IVAN"), (SN, "IVANOV"), (GN, "IVAN"), (SERIAL, "PNOKZ-1")]
        ),
    )
    return found


@cache
def cases() -> Mapping[str, tuple[Hierarchy, Holder, str]]:
    """All attacks: below the hierarchy of the profiles, and one below the other."""
    found = {
        name: (limited(), forge(attack, issuer=limited().issuing), attack.host)
        for name, attack in ATTACKS.items()
    }
    found[CONTROL] = (
        unlimited(),
        forge(ATTACKS["DNS name with serverAuth"], issuer=unlimited().issuing),
        HOST,
    )
    return found


CONTROL = "no limits"
OTHER_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
    *("key_agreement", "encipher_only", "decipher_only"),
)


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="ascii")
    return path


# --- OpenSSL ---------------------------------------------------------------------------------


def openssl(folder: Path, house: Hierarchy, holder: Holder, *arguments: str) -> bool:
    root = write(folder, "root.pem", hierarchy.pem(house.root.certificate))
    issuing = write(folder, "issuing.pem", hierarchy.pem(house.issuing.certificate))
    leaf = write(folder, "leaf.pem", holder.pem)
    done = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-attime", str(int((NOON + DAY).timestamp())),
         "-no-CApath", "-no-CAstore", "-CAfile", root, "-untrusted", issuing, *arguments, leaf],
        capture_output=True, check=False,
    )  # fmt: skip
    return done.returncode == 0


needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here")


@needs_openssl
@pytest.mark.parametrize("name", [*ATTACKS, CONTROL])
def test_openssl_refuses_the_forged_server(name: str, tmp_path: Path) -> None:
    house, holder, host = cases()[name]
    check = ("-verify_ip", host) if host[0].isdigit() else ("-verify_hostname", host)
    accepted = openssl(tmp_path, house, holder, "-purpose", "sslserver", *check)
    assert accepted is (name == CONTROL)


@needs_openssl
def test_openssl_accepts_lawful_leaves(tmp_path: Path) -> None:
    for name, holder in lawful().items():
        assert openssl(tmp_path, limited(), holder), name
        if name in ("natural-person-unified", "C=UZ", "one name", "Latin letters"):
            assert openssl(tmp_path, limited(), holder, "-purpose", "sslclient"), name
    house = limited("time-stamping-ca")
    assert openssl(tmp_path, house, issue("tsa"), "-purpose", "timestampsign")


# --- cryptography ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*ATTACKS, CONTROL])
def test_cryptography_refuses_the_forged_server(name: str) -> None:
    house, holder, host = cases()[name]
    subject: x509.DNSName | x509.IPAddress = x509.DNSName(host)
    if host[0].isdigit():
        subject = x509.IPAddress(ipaddress.ip_address(host))
    builder = verification.PolicyBuilder().store(
        verification.Store([house.root.certificate.native])
    )
    verifier = builder.time(NOON + DAY).build_server_verifier(subject)
    try:
        verifier.verify(holder.certificate.native, [house.issuing.certificate.native])
    except verification.VerificationError:
        accepted = False
    else:
        accepted = True
    assert accepted is (name == CONTROL)


@pytest.mark.parametrize(
    "name",
    [
        "natural-person-unified",
        "natural-person-authentication",
        "C=UZ",
        "one name",
        "Latin letters",
    ],
)
def test_cryptography_accepts_lawful_clients(name: str) -> None:
    store = verification.Store([limited().root.certificate.native])
    verifier = verification.PolicyBuilder().store(store).time(NOON + DAY).build_client_verifier()
    found = verifier.verify(
        lawful()[name].certificate.native, [limited().issuing.certificate.native]
    )
    assert len(found.chain) == 3


# --- Node ------------------------------------------------------------------------------------

# Each case is one handshake with a server in the same process.
NODE = """
const tls = require('tls');
const cases = JSON.parse(require('fs').readFileSync(process.argv[2], 'utf8'));
const verdicts = {};
function next(names) {
  if (!names.length) { console.log(JSON.stringify(verdicts)); process.exit(0); }
  const name = names[0], item = cases[name];
  const server = tls.createServer({key: item.key, cert: item.chain}, socket => socket.end());
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1', () => {
    const ip = /^[0-9]/.test(item.host);
    const options = {host: '127.0.0.1', port: server.address().port, ca: item.root};
    if (ip) options.checkServerIdentity = (_, cert) => tls.checkServerIdentity(item.host, cert);
    else options.servername = item.host;
    let said = false;
    const say = verdict => {
      if (said) return;
      said = true; verdicts[name] = verdict; client.destroy();
      server.close(() => next(names.slice(1)));
    };
    const client = tls.connect(options, () => say('accepted'));
    client.on('error', error => say(error.code || error.message));
  });
}
next(Object.keys(cases));
"""


def handshakes() -> dict[str, dict[str, str]]:
    return {
        name: {
            "root": hierarchy.pem(house.root.certificate),
            "chain": holder.pem + hierarchy.pem(house.issuing.certificate),
            "key": holder.key_pem,
            "host": host,
        }
        for name, (house, holder, host) in cases().items()
    }


@pytest.mark.skipif(not shutil.which("node"), reason="no node here")
def test_node_refuses_the_forged_servers(tmp_path: Path) -> None:
    script = write(tmp_path, "client.js", NODE)
    data = write(tmp_path, "cases.json", json.dumps(handshakes()))
    done = subprocess.run(
        ["node", script, data], capture_output=True, text=True, check=True, timeout=60
    )
    verdicts = json.loads(done.stdout)
    assert {name for name, verdict in verdicts.items() if verdict == "accepted"} == {CONTROL}
    assert len(verdicts) == len(cases())


# --- Java ------------------------------------------------------------------------------------

JAVA = """
import java.io.*;
import java.nio.file.*;
import java.security.*;
import java.security.cert.*;
import java.security.cert.Certificate;
import java.util.*;
import javax.net.ssl.*;

public class Matrix {
  static KeyStore anchors(Path root) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    try (InputStream in = Files.newInputStream(root)) {
      store.setCertificateEntry("root", CertificateFactory.getInstance("X.509")
          .generateCertificate(in));
    }
    return store;
  }

  static String handshake(Path folder, String host) throws Exception {
    KeyStore keys = KeyStore.getInstance("PKCS12");
    char[] password = "changeit".toCharArray();
    try (InputStream in = Files.newInputStream(folder.resolve("server.p12"))) {
      keys.load(in, password);
    }
    KeyManagerFactory kmf = KeyManagerFactory.getInstance("PKIX");
    kmf.init(keys, password);
    SSLContext serverContext = SSLContext.getInstance("TLSv1.3");
    serverContext.init(kmf.getKeyManagers(), null, null);
    TrustManagerFactory tmf = TrustManagerFactory.getInstance("PKIX");
    tmf.init(anchors(folder.resolve("root.pem")));
    SSLContext clientContext = SSLContext.getInstance("TLSv1.3");
    clientContext.init(null, tmf.getTrustManagers(), null);
    SSLServerSocket server = (SSLServerSocket) serverContext.getServerSocketFactory()
        .createServerSocket(0, 1, java.net.InetAddress.getLoopbackAddress());
    Thread thread = new Thread(() -> {
      try (SSLSocket socket = (SSLSocket) server.accept()) {
        socket.startHandshake();
        socket.getInputStream().read();
      } catch (IOException ignored) { }
    });
    thread.setDaemon(true);
    thread.start();
    java.net.Socket plain = new java.net.Socket(
        java.net.InetAddress.getLoopbackAddress(), server.getLocalPort());
    try (SSLSocket client = (SSLSocket) clientContext.getSocketFactory()
        .createSocket(plain, host, server.getLocalPort(), true)) {
      SSLParameters parameters = client.getSSLParameters();
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
      client.setSSLParameters(parameters);
      client.startHandshake();
      return "accepted";
    } catch (SSLException error) {
      Throwable cause = error;
      while (cause.getCause() != null) cause = cause.getCause();
      return "refused: " + cause;
    } finally {
      server.close();
    }
  }

  static String path(Path folder, Date at) throws Exception {
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    List<Certificate> chain = new ArrayList<>();
    try (InputStream in = Files.newInputStream(folder.resolve("chain.pem"))) {
      for (Certificate item : factory.generateCertificates(in)) chain.add(item);
    }
    PKIXParameters parameters = new PKIXParameters(anchors(folder.resolve("root.pem")));
    parameters.setRevocationEnabled(false);
    parameters.setDate(at);
    try {
      CertPathValidator.getInstance("PKIX").validate(factory.generateCertPath(chain), parameters);
      return "accepted";
    } catch (Exception error) {
      return "refused: " + error;
    }
  }

  public static void main(String[] arguments) throws Exception {
    Date at = new Date(Long.parseLong(arguments[1]) * 1000);
    try (BufferedReader in = Files.newBufferedReader(Path.of(arguments[0], "cases.txt"))) {
      for (String line; (line = in.readLine()) != null; ) {
        String[] fields = line.split("\\t");
        Path folder = Path.of(arguments[0], fields[0]);
        String verdict = fields[1].equals("-")
            ? path(folder, at) : handshake(folder, fields[1]);
        System.out.println(fields[0] + "\\t" + verdict);
      }
    }
  }
}
"""


@pytest.mark.skipif(
    not (shutil.which("java") and shutil.which("javac")), reason="no Java compiler here"
)
def test_java_refuses_the_forged_and_accepts_the_lawful(tmp_path: Path) -> None:
    lines: list[str] = []
    wanted: dict[str, bool] = {}
    for number, (name, (house, holder, host)) in enumerate(cases().items()):
        folder = tmp_path / f"attack{number}"
        folder.mkdir()
        write(folder, "root.pem", hierarchy.pem(house.root.certificate))
        store = pkcs12.serialize_key_and_certificates(
            b"leaf", holder.key, holder.certificate.native, [house.issuing.certificate.native],
            serialization.BestAvailableEncryption(b"changeit"),
        )  # fmt: skip
        (folder / "server.p12").write_bytes(store)
        lines.append(f"{folder.name}\t{host}")
        wanted[folder.name] = name == CONTROL or name in JAVA_ACCEPTS
    for number, holder in enumerate(lawful().values()):
        folder = tmp_path / f"lawful{number}"
        folder.mkdir()
        write(folder, "root.pem", hierarchy.pem(limited().root.certificate))
        write(folder, "chain.pem", holder.pem + hierarchy.pem(limited().issuing.certificate))
        lines.append(f"{folder.name}\t-")
        wanted[folder.name] = True
    write(tmp_path, "cases.txt", "\n".join(lines) + "\n")
    write(tmp_path, "Matrix.java", JAVA)
    instant = str(int((NOON + DAY).timestamp()))
    subprocess.run(
        ["javac", "-J-XX:TieredStopAtLevel=1", "-proc:none", "-d", tmp_path, "Matrix.java"],
        check=True,
        capture_output=True,
        timeout=120,
        cwd=tmp_path,
    )
    done = subprocess.run(
        ["java", "-XX:TieredStopAtLevel=1", "-cp", tmp_path, "Matrix", tmp_path, instant],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    verdicts = dict(line.split("\t", 1) for line in done.stdout.splitlines())
    assert {name: verdict == "accepted" for name, verdict in verdicts.items()} == wanted, verdicts


# --- GnuTLS ----------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("certtool"), reason="no certtool here (gnutls-bin)")
@pytest.mark.parametrize("name", hierarchy.LEAVES)
def test_gnutls_accepts_lawful_leaves(name: str, tmp_path: Path) -> None:
    house = limited("time-stamping-ca" if name == "tsa" else "issuing-ca")
    chain = issue(name).pem + hierarchy.pem(house.issuing.certificate)
    bundle = write(tmp_path, "chain.pem", chain + hierarchy.pem(house.root.certificate))
    root = write(tmp_path, "root.pem", hierarchy.pem(house.root.certificate))
    done = subprocess.run(
        ["certtool", "--verify", "--load-ca-certificate", root, "--infile", bundle],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
