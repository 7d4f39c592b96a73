"""Personal data at rest: encrypted, shown masked, and found again by a keyed hash instead of the value itself."""

import base64
import hmac
import re
import unicodedata
from functools import cache
from typing import Final, Self

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.config import MINIMUM_SECRET_LENGTH

KEY_BYTES: Final = 32
# One secret, two unrelated keys: what encrypts tells nothing about what fingerprints.
ENCRYPTION: Final = b"dure personal data: encryption"
FINGERPRINT: Final = b"dure personal data: fingerprint"

HIDDEN: Final = "*"
SEPARATORS: Final = re.compile(r"[\s.()\u2010-\u2015\u2212-]+")
# Mobile, Seoul and the provinces, internet telephony and the virtual numbers that stand for a mobile one.
PHONE_FORM: Final = re.compile(
    r"(010)(\d{4})(\d{4})"
    r"|(01[16-9]|02|03[1-3]|04[1-4]|05[1-5]|06[1-4])(\d{3,4})(\d{4})"
    r"|(070|050\d)(\d{3,4})(\d{4})"
)
# Birth date, then a digit from 1 to 8 for sex and century or 5 to 8 for foreigners, then six digits more.
REGISTRATION_NUMBER: Final = re.compile(r"\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])[\s-]?[1-8]\d{6}")


class Unreadable(Exception):
    """The encrypted value is damaged, or its key is not among those configured."""


class NotAPhoneNumber(ValueError):
    """The text is not a Korean phone number. It is not repeated here: errors end up in logs."""


class Vault:
    """Encrypts and fingerprints with keys derived from the configured secrets.

    `secrets` is one secret or several with commas between them, the newest first: the first encrypts, all
    decrypt. Fingerprints use the last, so that a person known under an older secret is recognised until the
    older secret is dropped; from then on only those signed up later are.
    """

    def __init__(self, secrets: str) -> None:
        """Raises ValueError when one of the secrets is too short to be safe."""
        parts = [part.strip() for part in secrets.split(",")]
        if any(len(part) < MINIMUM_SECRET_LENGTH for part in parts):
            raise ValueError(f"every personal data key needs at least {MINIMUM_SECRET_LENGTH} characters")
        self._fernet = MultiFernet([Fernet(base64.urlsafe_b64encode(_derive(part, ENCRYPTION))) for part in parts])
        self._fingerprint_key = _derive(parts[-1], FINGERPRINT)

    @classmethod
    @cache
    def of(cls, secrets: str) -> Self:
        """The vault of these secrets; deriving its keys again for every request would be wasted work."""
        return cls(secrets)

    def encrypt(self, text: str) -> bytes:
        return self._fernet.encrypt(text.encode())

    def decrypt(self, token: bytes) -> str:
        """Raises Unreadable."""
        try:
            return self._fernet.decrypt(bytes(token)).decode()
        except InvalidToken as error:
            raise Unreadable("personal data cannot be decrypted with the configured keys") from error

    def fingerprint(self, text: str) -> str:
        """The same for the same text, and useless without the key: 64 hexadecimal digits."""
        return hmac.digest(self._fingerprint_key, text.encode(), "sha256").hex()


def _derive(secret: str, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(secret.encode())


def normalise_phone(text: str) -> str:
    """The digits of a Korean phone number, beginning with 0: `+82 10-1234-5678` becomes `01012345678`.

    Raises NotAPhoneNumber.
    """
    digits = SEPARATORS.sub("", unicodedata.normalize("NFKC", text))
    if digits.startswith("+82"):
        digits = "0" + digits.removeprefix("+82").removeprefix("0")
    if not digits.isascii() or not PHONE_FORM.fullmatch(digits):
        raise NotAPhoneNumber("a Korean phone number is needed")
    return digits


def format_phone(digits: str) -> str:
    """A normalised number as people write it: `010-1234-5678`."""
    return "-".join(_phone_parts(digits))


def mask_phone(digits: str) -> str:
    """`010-****-5678`: enough to tell two people apart, too little to call one."""
    area, middle, last = _phone_parts(digits)
    return f"{area}-{HIDDEN * len(middle)}-{last}"


def mask_name(name: str) -> str:
    """`홍길동` becomes `홍*동`. The middle is hidden, of two letters the second, and of one letter all."""
    letters = unicodedata.normalize("NFC", name)
    if len(letters) <= 2:
        return letters[: len(letters) - 1] + HIDDEN
    return letters[0] + HIDDEN * (len(letters) - 2) + letters[-1]


def holds_registration_number(text: str) -> bool:
    """Whether the text contains what looks like a resident or alien registration number, which is never taken."""
    return REGISTRATION_NUMBER.search(unicodedata.normalize("NFKC", text)) is not None


def _phone_parts(digits: str) -> tuple[str, str, str]:
    match = PHONE_FORM.fullmatch(digits)
    if match is None:
        raise NotAPhoneNumber("a Korean phone number is needed")
    area, middle, last = (group for group in match.groups() if group is not None)
    return area, middle, last
