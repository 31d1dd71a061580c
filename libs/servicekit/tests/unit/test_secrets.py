import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servicekit.secrets import DecryptionFailed, FieldCipher, new_key

CIPHER = FieldCipher(new_key())


@given(text=st.text(), aad=st.text())
def test_encrypted_text_can_be_read_for_its_owner(text, aad):
    assert CIPHER.decrypt(CIPHER.encrypt(text, aad), aad) == text


def test_encrypting_the_same_text_twice_gives_different_tokens():
    assert CIPHER.encrypt("hunter2", "service-1") != CIPHER.encrypt("hunter2", "service-1")


def test_token_cannot_be_moved_to_another_owner():
    with pytest.raises(DecryptionFailed, match="service-2"):
        CIPHER.decrypt(CIPHER.encrypt("hunter2", "service-1"), "service-2")


def test_token_cannot_be_read_with_another_key():
    with pytest.raises(DecryptionFailed):
        FieldCipher(new_key()).decrypt(CIPHER.encrypt("hunter2", "service-1"), "service-1")


def test_changing_any_byte_of_a_token_is_detected():
    sealed = base64.urlsafe_b64decode(CIPHER.encrypt("hunter2", "service-1"))
    for index in range(len(sealed)):
        changed = sealed[:index] + bytes([sealed[index] ^ 1]) + sealed[index + 1 :]
        with pytest.raises(DecryptionFailed):
            CIPHER.decrypt(base64.urlsafe_b64encode(changed).decode(), "service-1")


@pytest.mark.parametrize("token", ["", "AAAA", "not base64!", "é", "A" * 15])
def test_text_that_is_not_a_token_cannot_be_decrypted(token):
    with pytest.raises(DecryptionFailed):
        CIPHER.decrypt(token, "service-1")


def test_decryption_error_does_not_show_the_token():
    token = CIPHER.encrypt("hunter2", "service-1")
    with pytest.raises(DecryptionFailed) as failure:
        CIPHER.decrypt(token, "service-2")
    assert token not in str(failure.value)


GOOD_KEY = new_key()


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("", id="empty"),
        pytest.param("short", id="short"),
        pytest.param("é" * 43, id="not ascii"),
        pytest.param(base64.urlsafe_b64encode(bytes(31)).decode(), id="an octet less"),
        pytest.param(f"!!{GOOD_KEY}", id="with something before it"),
        pytest.param(f"{GOOD_KEY}\n", id="with a line end"),
    ],
)
def test_malformed_key_is_refused(key):
    with pytest.raises(ValueError, match="encryption key"):
        FieldCipher(key)
