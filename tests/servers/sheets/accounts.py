"""Service accounts made for a test, their tokens, and Google's words for those that are no good."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

TOKEN_URI = "https://oauth2.googleapis.com/token"
PREFIX = "https://www.googleapis.com/auth/"
SCOPES = {
    "sheets": ("spreadsheets", "spreadsheets.readonly", "drive", "drive.readonly", "drive.file"),
    "drive": ("drive", "drive.readonly", "drive.file", "drive.metadata", "drive.metadata.readonly"),
}
PROJECT_NUMBER = "123456789012"


@cache
def _key(number: int) -> rsa.RSAPrivateKey:
    """Keys take time to make: the tests of a session share a few."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True, slots=True)
class Token:
    email: str
    scopes: frozenset[str]
    expires: float


class TokenRefused(Exception):
    """What the token endpoint answers with status 400."""

    def __init__(self, error: str, said: str) -> None:
        super().__init__(said)
        self.body = {"error": error, "error_description": said}


@dataclass
class Accounts:
    now: Callable[[], float]
    lifetime: int = 3599
    keys: dict[str, rsa.RSAPublicKey] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)

    def make(self, name: str, known: bool = True) -> dict[str, str]:
        """The content of a key file. `known` False: of an account that Google knows nothing of."""
        email = f"{name}@project.iam.gserviceaccount.example.org"
        key = _key(len(self.keys))
        if known:
            self.keys[email] = key.public_key()
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return {
            "type": "service_account",
            "project_id": "project",
            "private_key_id": f"{len(self.keys):040x}",
            "private_key": key.private_bytes(*form).decode(),
            "client_email": email,
            "client_id": "100000000000000000000",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": TOKEN_URI,
            "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
            "client_x509_cert_url": f"https://www.googleapis.com/robot/v1/metadata/x509/{email}",
            "universe_domain": "googleapis.com",
        }

    def file(self, path: Path, name: str = "robot", known: bool = True) -> str:
        """Writes a key file; returns the account's address."""
        made = self.make(name, known)
        path.write_text(json.dumps(made))
        return made["client_email"]

    def grant(self, body: bytes) -> dict[str, Any]:
        """POST /token. Raises TokenRefused."""
        form = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            raise TokenRefused("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type', '')}")
        claims = self._claims(form.get("assertion", ""))
        scopes = frozenset(claims.get("scope", "").split())
        if not scopes or not all(scope.startswith(PREFIX) for scope in scopes):
            raise TokenRefused("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        text = f"ya29.{len(self.tokens)}.{binascii.crc32(body):08x}"
        self.tokens[text] = Token(claims["iss"], scopes, self.now() + self.lifetime)
        return {"access_token": text, "expires_in": self.lifetime, "token_type": "Bearer"}

    def _claims(self, assertion: str) -> dict[str, Any]:
        try:
            head, middle, signature = assertion.split(".")
            header, claims = json.loads(_decoded(head)), json.loads(_decoded(middle))
        except ValueError:
            raise TokenRefused("invalid_grant", "Invalid JWT: Failed to parse.") from None
        if claims.get("iss") not in self.keys:
            raise TokenRefused("invalid_grant", "Invalid grant: account not found")
        try:
            signed = f"{head}.{middle}".encode()
            self.keys[claims["iss"]].verify(_decoded(signature), signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise TokenRefused("invalid_grant", "Invalid JWT Signature.") from None
        begun, ends, now = claims.get("iat", 0), claims.get("exp", 0), self.now()
        if header.get("alg") != "RS256" or claims.get("aud") != TOKEN_URI:
            raise TokenRefused("invalid_grant", "Invalid JWT: Failed audience check.")
        if not (begun - 300 <= now < ends <= begun + 3600):
            said = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
            raise TokenRefused("invalid_grant", said + "Check your iat and exp values in the JWT claim.")
        return claims

    def user(self, header: str | None, api: str) -> str | tuple[int, dict[str, Any]]:
        """Who a request is from; or the status and body that refuse it."""
        token = self.tokens.get((header or "").removeprefix("Bearer "))
        if not header:
            return 401, unauthenticated("Request is missing required authentication credential.", "CREDENTIALS_MISSING")
        if token is None or token.expires <= self.now():
            return 401, unauthenticated("Request had invalid authentication credentials.", "ACCESS_TOKEN_EXPIRED")
        if not token.scopes & {PREFIX + scope for scope in SCOPES[api]}:
            said = "Request had insufficient authentication scopes."
            details = [error_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT", {"service": f"{api}.googleapis.com"})]
            return 403, error_body(403, said, "PERMISSION_DENIED", details)
        return token.email


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def error_body(code: int, message: str, status: str, details: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    kept = {"details": details} if details else {}
    return {"error": {"code": code, "message": message, **more, "status": status, **kept}}


def error_info(reason: str, metadata: dict[str, str]) -> dict[str, Any]:
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    return {"@type": kind, "reason": reason, "domain": "googleapis.com", "metadata": metadata}


def bad_request(message: str, field_path: str) -> dict[str, Any]:
    violation = {"description": message} | ({"field": field_path} if field_path else {})
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}]
    return error_body(400, message, "INVALID_ARGUMENT", details)


def unauthenticated(said: str, reason: str) -> dict[str, Any]:
    expected = (
        "Expected OAuth 2 access token, login cookie or other valid authentication credential. "
        "See https://developers.google.com/identity/sign-in/web/devconsole-project."
    )
    details = [error_info(reason, {"service": "sheets.googleapis.com"})]
    return error_body(401, f"{said} {expected}", "UNAUTHENTICATED", details)


def service_disabled(api: str) -> dict[str, Any]:
    service = f"{api}.googleapis.com"
    url = f"https://console.developers.google.com/apis/api/{service}/overview?project={PROJECT_NUMBER}"
    said = (
        f"Google {api.capitalize()} API has not been used in project {PROJECT_NUMBER} before or it is disabled. "
        f"Enable it by visiting {url} then retry. If you enabled this API recently, wait a few minutes for the "
        "action to propagate to our systems and retry."
    )
    links = [{"description": "Google developers console API activation", "url": url}]
    details = [
        {"@type": "type.googleapis.com/google.rpc.Help", "links": links},
        error_info("SERVICE_DISABLED", {"service": service, "consumer": f"projects/{PROJECT_NUMBER}"}),
    ]
    old = {"message": said, "domain": "usageLimits", "reason": "accessNotConfigured", "extendedHelp": url}
    return error_body(403, said, "PERMISSION_DENIED", details, **({"errors": [old]} if api == "drive" else {}))


def quota_exceeded(kind: str, per: str) -> dict[str, Any]:
    consumer = f"project_number:{PROJECT_NUMBER}"
    limit = f"{kind.capitalize()} requests per minute{' per user' if per == 'user' else ''}"
    said = (
        f"Quota exceeded for quota metric '{kind.capitalize()} requests' and limit '{limit}' of service "
        f"'sheets.googleapis.com' for consumer '{consumer}'."
    )
    known = {
        "service": "sheets.googleapis.com",
        "consumer": f"projects/{PROJECT_NUMBER}",
        "quota_metric": f"sheets.googleapis.com/{kind}_requests",
        "quota_limit": f"{kind.capitalize()}RequestsPerMinutePer{per.capitalize()}",
    }
    link = {
        "description": "Request a higher quota limit.",
        "url": "https://cloud.google.com/docs/quotas/help/request_increase",
    }
    help_ = {"@type": "type.googleapis.com/google.rpc.Help", "links": [link]}
    return error_body(429, said, "RESOURCE_EXHAUSTED", [error_info("RATE_LIMIT_EXCEEDED", known), help_])
