"""A small OpenID provider that really answers over HTTP and really signs, written from the specifications.

OpenID Connect Core 1.0, Discovery 1.0 and RFC 7636. It signs everybody in who comes, as `person`; what a test
wants wrong, it says so by `spoil` or `clock`.
"""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "commlog", "a secret of the client"
LOGOUT = "http://schemas.openid.net/event/backchannel-logout"
_KEYS = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]  # ours, another's


class Provider:
    """The provider: what it says of a person, and what it has been asked."""

    def __init__(self) -> None:
        self.person: dict[str, Any] = {"sub": "s-1", "sid": "session-1", "groups": ["staff"]}
        self.spoil: dict[str, Any] = {}  # claims of the ID token that are wrong
        self.key = _KEYS[0]
        self.clock = 0  # seconds by which it is wrong
        self.asked: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.issuer = f"http://127.0.0.1:{self._server.server_port}/staff"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def forge(self) -> None:
        """Sign with the key of somebody else from now on."""
        self.key = _KEYS[1]

    def authorize(self, address: str) -> str:
        """Sign in as a browser would that follows this address; return where it leads back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT)
        assert asked["code_challenge_method"] == "S256"
        self.asked.append(asked)
        code = uuid4().hex
        self._codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.issuer}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def logout_token(self, **changes: Any) -> str:
        """A token that ends the person's sessions; what is changed to None is left out."""
        now = int(time.time()) + self.clock
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 120, "jti": uuid4().hex}
        claims |= {"sub": self.person["sub"], "events": {LOGOUT: {}}} | changes
        kind = claims.pop("typ", "logout+jwt")
        return self._signed({name: value for name, value in claims.items() if value is not None}, kind)

    def _signed(self, claims: dict[str, Any], kind: str = "JWT") -> str:
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "k1", "typ": kind})

    def _tokens(self, given: dict[str, str]) -> tuple[int, dict[str, Any]]:
        asked = self._codes.pop(given.get("code", ""), None)
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        wrong = asked is None or asked["code_challenge"] != challenge
        if wrong or given.get("client_secret") != SECRET or asked is None:
            return 400, {"error": "invalid_grant"}
        now = int(time.time()) + self.clock
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims |= {"auth_time": now, "sub": self.person["sub"], "sid": self.person["sid"]}
        return 200, {
            "access_token": "an access token",
            "token_type": "Bearer",
            "id_token": self._signed(claims | self.spoil),
        }

    def _answer(self, path: str, given: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if path == "/staff/.well-known/openid-configuration":
            names = ("authorization", "token", "userinfo", "end_session")
            found = {f"{name}_endpoint": f"{self.issuer}/{name}" for name in names}
            found |= {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}
            return 200, found | {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
        if path == "/staff/keys":
            key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(_KEYS[0].public_key()))
            return 200, {"keys": [key | {"kid": "k1", "use": "sig", "alg": "RS256"}]}
        if path == "/staff/token":
            return self._tokens(given)
        return (200, self.person) if path == "/staff/userinfo" else (404, {})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                given = parse_qs(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())
                status, said = provider._answer(
                    self.path, {name: values[0] for name, values in given.items()}
                )
                body = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


@contextmanager
def running() -> Iterator[Provider]:
    provider = Provider()
    try:
        yield provider
    finally:
        provider.stop()
