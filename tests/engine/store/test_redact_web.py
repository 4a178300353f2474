"""What is taken out of requests before they are kept, and what is not."""

import pytest

from hoopaddon.store.redact import REDACTED
from hoopaddon.store.redact_web import redact_request

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("GET /v1?api_key=abc123&q=x", "GET /v1?api_key={}&q=x"),
        ("GET /v1?q=x&access_token=abc", "GET /v1?q=x&access_token={}"),
        ("GET /o?X-Amz-Signature=0af&X-Amz-Date=2026", "GET /o?X-Amz-Signature={}&X-Amz-Date=2026"),
        ("GET /o?sv=1&sig=a%2Fb", "GET /o?sv=1&sig={}"),
        ("POST /login\n\nuser=ann&password=hunter2", "POST /login\n\nuser=ann&password={}"),
        ("POST /u\n\nuser%5Bpassword%5D=hunter2&x=1", "POST /u\n\nuser%5Bpassword%5D={}&x=1"),
        ('POST /u\n\n{"user": "a", "Password": "hun\\"ter2"}', 'POST /u\n\n{"user": "a", "Password": "{}"}'),
        ('POST /u\n\n{"client_secret" : "x", "n": 1}', 'POST /u\n\n{"client_secret" : "{}", "n": 1}'),
        ('POST /u\n\n{"body": "{\\"token\\": \\"x\\"}"}', 'POST /u\n\n{"body": "{\\"token\\": \\"{}\\"}"}'),
        (
            "POST /s\n\n<a><ns:Password t='1'>x</ns:Password>",
            "POST /s\n\n<a><ns:Password t='1'>{}</ns:Password>",
        ),
        (
            'POST /f\n\n--b\r\nContent-Disposition: form-data; name="password"\r\n\r\nhunter2\r\n--b--',
            'POST /f\n\n--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n{}\r\n--b--',
        ),
        ("POST /p\n\nGET /\nAuthorization: Bearer abc\n", "POST /p\n\nGET /\nAuthorization: Bearer {}\n"),
        ('POST /w\n\n{"url": "https://ann:pw@host/"}', 'POST /w\n\n{"url": "https://ann:{}@host/"}'),
        (f"GET /verify/{JWT}", "GET /verify/{}"),
    ],
)
def test_what_is_a_secret_is_taken_out(text: str, kept: str) -> None:
    found = redact_request(text)
    assert found.text == kept.replace("{}", REDACTED, 1) if "{}" in kept else kept
    assert found.secret
    again = redact_request(found.text)
    assert again.text == found.text


@pytest.mark.parametrize(
    "text",
    [
        "DELETE /v1/tokens/17",
        "POST /reset-password?user=ann",
        'POST /ai\n\n{"max_tokens": 500, "password_rules": {"min": 8}, "note": "ask for the password"}',
        "GET /v1?author=ann&compass=north&keyword=x",
        'POST /x\n\n{"aws_access_key_id": "AKIA"}',
        "GET /passwords?page=2",
    ],
)
def test_what_is_none_stays(text: str) -> None:
    assert redact_request(text).text == text


@pytest.mark.parametrize(
    "piece", ["a=", '"token" : "', "token", "?password=", "\\", "eyJ", "<password ", 'name="otp"\n']
)
def test_any_text_is_looked_through(piece: str) -> None:
    text = piece * (500_000 // len(piece))
    # What takes quadratic time would not come back.
    found = redact_request(text)
    assert found.secret is (found.text != text)
