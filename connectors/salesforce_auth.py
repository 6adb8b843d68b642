"""How a Salesforce connector gets its access token: with a refresh token, or with an assertion that it signs itself.

Pages of the vendor's help, by title: "OAuth 2.0 Refresh Token Flow for Renewed Sessions", "OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration".
Both ask the same address of My Domain; neither counts as a request of the API.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from connectors.answers import origin
from connectors.rest import Auth, Rest, basic
from connectors.stream import Misconfigured, Refused, UnexpectedShape

PATH = "services/oauth2/token"
JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
VALID = 180                     # seconds; the vendor takes no assertion that is valid for longer than a few minutes


def token_source(
    source: str, url: str, secrets: Mapping[str, str], *, client_id: str, username: str, audience: str, allow_http: bool,
    clock: Callable[[], datetime], sleep: Callable[[float], None],
) -> Callable[[], str]:
    """A function that returns a fresh access token, or raises a SourceError. secrets: refresh_token (and client_secret), or private_key (then a username)."""
    if not client_id:
        raise Misconfigured("no client_id is set", source=source, mend="it is the consumer key of your external client app (or connected app) in Salesforce")
    if bool(secrets.get("refresh_token")) == bool(secrets.get("private_key")):
        raise Misconfigured("there must be a refresh token or a private key, and not both", source=source,
                            mend='name its environment variable: refresh_token_env = "..." (with client_secret_env), or private_key_env = "..." and username')
    if secrets.get("private_key") and not username:
        raise Misconfigured("a private key is set and no username", source=source, mend="username = the Salesforce user that the app is approved for")
    rest = Rest(url, source=source, auth=_auth(client_id, secrets), allow_http=allow_http, clock=clock, sleep=sleep)

    def fetch() -> str:
        if secrets.get("private_key"):
            question = {"grant_type": JWT, "assertion": assertion(source, secrets["private_key"], client_id, username, audience, clock())}
        else:
            question = {"grant_type": "refresh_token", "client_id": client_id, "refresh_token": secrets["refresh_token"]}
        answer = rest.request("POST", PATH, data=question, idempotent=True, allow=(400, 401, 403))
        said = answer.json if isinstance(answer.json, dict) else {}
        if answer.status != 200:
            raise Refused(rest.redact(f"no access token: {said.get('error')}: {said.get('error_description')}"), source=source,
                          mend="look at the app's policies in Salesforce; a revoked refresh token has to be made anew, a key's user approved")
        if not said.get("access_token"):
            raise UnexpectedShape("the answer to a request for a token holds none", source=source, mend="is url your My Domain?")
        if said.get("instance_url") and origin(said["instance_url"]) != origin(url):
            raise Misconfigured(f"the organisation is at {said['instance_url']}", source=source, mend=f"set url to {said['instance_url']}")
        if said.get("refresh_token") not in (None, secrets.get("refresh_token")):
            raise Misconfigured("the app changes its refresh token with every use, so the one that is configured is no longer valid", source=source,
                                mend="switch refresh token rotation off for this app and make a new refresh token")
        return str(said["access_token"])

    return fetch


def _auth(client_id: str, secrets: Mapping[str, str]) -> Auth | None:
    """The client's secret goes by basic authentication, which the vendor takes in the place of a parameter; it and the refresh token are never shown."""
    hidden = tuple(filter(None, (secrets.get("refresh_token"),)))
    if secrets.get("client_secret"):
        signed = basic(client_id, secrets["client_secret"])
        return replace(signed, hidden=(*signed.hidden, *hidden))
    return Auth(header="Accept", value="application/json", hidden=hidden) if hidden else None


def assertion(source: str, private_key: str, client_id: str, username: str, audience: str, now: datetime) -> str:
    """A JWT signed with RS256. private_key: PEM; where a line must hold all of it, its breaks are written as \\n."""
    try:
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import padding, rsa
    except ModuleNotFoundError:
        raise Misconfigured("the package cryptography is not installed", source=source, mend="run `make install`") from None
    try:
        key = serialization.load_pem_private_key(private_key.replace("\\n", "\n").encode(), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise Misconfigured("the private key is not an RSA key in PEM without a password", source=source,
                            mend="-----BEGIN PRIVATE KEY----- and so on, its line breaks kept or written as \\n")
    claims = {"iss": client_id, "sub": username, "aud": audience, "exp": int(now.timestamp()) + VALID}
    text = f"{_base64url(json.dumps({'alg': 'RS256'}).encode())}.{_base64url(json.dumps(claims).encode())}"
    return f"{text}.{_base64url(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
