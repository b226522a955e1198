"""What a password's hash costs; the other tests hash with less work."""

from app.infra import passwords


async def test_a_hash_costs_what_owasp_asks_at_least() -> None:
    # Made when the module was imported, by the hasher that an instance uses for everybody.
    assert passwords._decoy.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_a_password_fits_its_own_hash_only() -> None:
    encoded = await passwords.hash_password("verd oliva 41")
    assert await passwords.verify_password("verd oliva 41", encoded)
    assert not await passwords.verify_password("verd oliva 42", encoded)
    assert not await passwords.verify_password("nobody has this password", None)
