"""Digest: the RFCs' own figures, both profiles, and nothing counted twice."""

import pytest

from callcenter.domain.units import SECOND
from callcenter.sip.digest import (
    ALGORITHMS,
    HA1_OF_NOBODY,
    Authorization,
    Nonces,
    Profile,
    authorization,
    best_challenge,
    challenge,
    challenges,
    find_authorization,
    ha1,
    parse_authorization,
    parse_challenge,
    verify,
)
from callcenter.sip.errors import SipError

URI = "sip:cc.example.com"
NOW = 1_000 * SECOND


def answered(header: str, method: str = "REGISTER", uri: str = URI, nc: int = 1) -> Authorization:
    text = authorization(header, method, uri, "agent1", "secret", "0a4f113b", nc)
    auth = parse_authorization(text)
    assert auth is not None
    return auth


def accepted(auth: Authorization, method: str = "REGISTER", profile: Profile = "standard") -> bool:
    realm = "cc.example.com"
    hashes = [ha1("agent1", realm, "secret", "MD5"), ha1("agent1", realm, "secret", "SHA-256")]
    return verify(auth, method, hashes[0], hashes[1], URI, profile)


def test_the_figures_of_rfc_2617_come_out() -> None:
    auth = parse_authorization(
        'Digest username="Mufasa", realm="testrealm@host.com", '
        'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", qop=auth, '
        'nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1", '
        'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    assert auth is not None
    secret = ha1("Mufasa", "testrealm@host.com", "Circle Of Life", "MD5")
    assert verify(auth, "GET", secret, "", "/dir/index.html")


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_figures_of_rfc_7616_come_out(algorithm: str, response: str) -> None:
    header = (
        'Digest realm="http-auth@example.org", qop="auth, auth-int", '
        f'algorithm={algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
        'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    text = authorization(
        header,
        "GET",
        "/dir/index.html",
        "Mufasa",
        "Circle of Life",
        "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    auth = parse_authorization(text)
    assert auth is not None
    assert auth.response == response
    assert auth.opaque == "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"


def test_a_phone_takes_the_stronger_hash_of_those_it_is_offered() -> None:
    lines = challenges("cc.example.com", "f00d", ["SHA-256", "MD5"], stale=True)
    parsed = [parse_challenge(line) for line in lines]
    assert [p.algorithm for p in parsed if p] == ["SHA-256", "MD5"]
    assert all(p and p.qop == ("auth",) and p.stale for p in parsed)
    assert best_challenge(reversed(lines)) == lines[0]


def test_a_phone_is_offered_nothing_else_than_what_is_configured() -> None:
    assert challenges("cc.example.com", "f00d", ["MD5"]) == [
        'Digest realm="cc.example.com", nonce="f00d", algorithm=MD5, qop="auth"'
    ]


@pytest.mark.parametrize("profile", ["standard", "legacy"])
def test_the_right_password_is_accepted_for_every_challenge(profile: Profile) -> None:
    for line in challenges("cc.example.com", "f00d", ALGORITHMS[profile]):
        assert accepted(answered(line), profile=profile)


def test_another_password_method_uri_or_count_is_not() -> None:
    auth = answered(challenge("cc.example.com", "f00d", "SHA-256"))
    wrong = ha1("agent1", "cc.example.com", "guess", "SHA-256")
    assert not verify(auth, "REGISTER", "", wrong, URI)
    assert not verify(auth, "REGISTER", HA1_OF_NOBODY, HA1_OF_NOBODY, URI)
    assert not accepted(auth, "INVITE")
    elsewhere = answered(challenge("cc.example.com", "f00d"), uri="sip:other.example.com")
    assert not accepted(elsewhere)
    for name, value in (("nc", 2), ("cnonce", "x"), ("nonce", "beef"), ("qop", "")):
        fields = {n: getattr(auth, n) for n in auth.__struct_fields__}
        assert not accepted(Authorization(**{**fields, name: value}))


def test_a_uri_written_in_another_way_is_the_same_uri() -> None:
    assert accepted(answered(challenge("cc.example.com", "f00d"), uri="SIP:CC.example.com"))


def test_a_hash_that_is_not_stored_is_not_taken() -> None:
    auth = answered(challenge("cc.example.com", "f00d", "MD5"))
    sha = ha1("agent1", "cc.example.com", "secret", "SHA-256")
    assert not verify(auth, "REGISTER", "", sha, URI)


def test_an_unknown_algorithm_is_never_accepted() -> None:
    auth = parse_authorization(
        'Digest username="a", realm="r", nonce="n", uri="sip:x", response="", algorithm=NONE'
    )
    assert auth is not None
    assert not verify(auth, "REGISTER", "x", "x", "sip:x", "legacy")


def test_a_standard_phone_must_count_and_a_legacy_one_need_not() -> None:
    auth = answered(challenge("cc.example.com", "f00d", qop=False))
    assert not accepted(auth)
    assert accepted(auth, profile="legacy")


def test_a_legacy_phone_may_hash_a_uri_of_its_own_making() -> None:
    auth = answered(challenge("cc.example.com", "f00d", qop=False), uri=f"{URI};transport=UDP")
    assert accepted(auth, profile="legacy")


def test_credentials_for_another_scheme_or_realm_are_passed_over() -> None:
    ours = authorization(challenge("cc", "f00d"), "REGISTER", URI, "a", "b", "c")
    foreign = authorization(challenge("other", "f00d"), "REGISTER", URI, "a", "b", "c")
    found = find_authorization(["Bearer x", foreign, ours], "cc")
    assert found is not None
    assert found.realm == "cc"
    assert find_authorization([foreign] * 20 + [ours], "cc") is None


@pytest.mark.parametrize(
    "text",
    [
        "Digest",
        "Digest username",
        'Digest username="a"',
        'Digest username="a',
        'Digest realm="r", nonce="n", uri="u", response="r", username="a", nc=zz',
        'Digest realm="r", nonce="n", uri="u", response="r", username="a", nc=123456789',
    ],
)
def test_malformed_credentials_are_refused(text: str) -> None:
    with pytest.raises(SipError) as refused:
        parse_authorization(text)
    assert refused.value.status == 400


def test_no_two_nonces_are_the_same_though_made_at_once() -> None:
    nonces = Nonces(b"secret")
    assert len({nonces.make(NOW) for _ in range(100)}) == 100


def test_a_nonce_is_good_for_rising_counts_only() -> None:
    nonces = Nonces(b"secret")
    nonce = nonces.make(NOW)
    uses = [nonces.check(nonce, count, NOW + SECOND) for count in (1, 2, 2, 1, 5, 4)]
    assert uses == ["ok", "ok", "replay", "replay", "ok", "replay"]


def test_without_a_count_a_nonce_is_good_once() -> None:
    nonces = Nonces(b"secret")
    nonce = nonces.make(NOW)
    assert [nonces.check(nonce, 0, NOW), nonces.check(nonce, 0, NOW)] == ["ok", "replay"]
    assert nonces.check(nonce, 7, NOW) == "replay"


def test_a_counted_nonce_cannot_be_used_without_a_count() -> None:
    nonces = Nonces(b"secret")
    nonce = nonces.make(NOW)
    assert [nonces.check(nonce, 1, NOW), nonces.check(nonce, 0, NOW)] == ["ok", "replay"]


def test_an_old_nonce_is_stale_and_so_is_one_from_the_future() -> None:
    nonces = Nonces(b"secret", lifetime_seconds=60)
    nonce = nonces.make(NOW)
    assert nonces.check(nonce, 1, NOW + 61 * SECOND) == "stale"
    assert nonces.check(nonce, 1, NOW - 1) == "stale"


@pytest.mark.parametrize("nonce", ["", "f00d", "zz" * 28, "ü" * 56, " " * 56])
def test_a_nonce_of_someone_elses_making_is_stale(nonce: str) -> None:
    assert Nonces(b"secret").check(nonce, 1, NOW) == "stale"
    assert Nonces(b"secret").check(Nonces(b"other").make(NOW), 1, NOW) == "stale"


def test_what_had_to_be_forgotten_cannot_be_used_again() -> None:
    nonces = Nonces(b"secret", remembered_max=3)
    made = [nonces.make(NOW + n) for n in range(5)]
    assert [nonces.check(nonce, 1, NOW + 10) for nonce in made] == ["ok"] * 5
    assert nonces.check(made[0], 1, NOW + 10) == "stale"
    assert nonces.check(made[4], 1, NOW + 10) == "replay"


def test_nonces_past_their_time_take_no_room() -> None:
    nonces = Nonces(b"secret", lifetime_seconds=60, remembered_max=3)
    for minute in range(20):
        then = NOW + 90 * minute * SECOND
        assert nonces.check(nonces.make(then), 1, then) == "ok"
    assert len(nonces._highest_count) == 1


def test_an_integrity_challenge_is_answered_over_the_body() -> None:
    header = 'Digest realm="r", nonce="n", qop="auth-int"'
    bodies = [
        authorization(header, "INVITE", URI, "a", "b", "c", body=body) for body in (b"", b"v=0")
    ]
    assert "qop=auth-int" in bodies[0]
    assert bodies[0] != bodies[1]


def test_a_challenge_that_cannot_be_answered_is_not() -> None:
    assert best_challenge(["Basic realm=x", 'Digest realm="r"', "Digest x"]) is None
    for header in ("Basic realm=x", 'Digest realm="r", nonce="n", algorithm=SHA-999'):
        with pytest.raises(SipError):
            authorization(header, "INVITE", URI, "a", "b", "c")


def test_names_with_quotes_come_through() -> None:
    header = challenge('a "realm"', "f00d")
    text = authorization(header, "REGISTER", URI, 'o"hara', "pw", "c")
    auth = parse_authorization(text)
    assert auth is not None
    assert (auth.username, auth.realm) == ('o"hara', 'a "realm"')
    assert verify(auth, "REGISTER", ha1('o"hara', 'a "realm"', "pw", "MD5"), "", URI)
