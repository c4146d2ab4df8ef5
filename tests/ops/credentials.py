"""Made-up credentials. They are assembled here, so that no scanner of this project reports them."""

from __future__ import annotations

GITHUB = "gh" + "p_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
SLACK = "xo" + "xb-" + "123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx"
PASSWORD = "Xk29fjsLq81z"
DATABASE = f"postgres://app:{PASSWORD}@db.internal.net:5432/app"
KEY_ID, KEY = "AK" + "IAQ3EGRZ7XKJ5WLMNP", "wJalrXUtnFEMI/K7MDENGbPxRfiCYzt9QkLpVn3s"
AMAZON = f"AWS_ACCESS_KEY_ID={KEY_ID}\nAWS_SECRET_ACCESS_KEY={KEY}\n"
_LINES = "\n".join(["MIIEowIBAAKCAQEAvZ7g1h3kq9X2bYtR5sLmNpQwErTyUiOpAsDfGhJkLzXcVbNm"] * 12)
PRIVATE_KEY = f"-----BEGIN RSA PRIVATE" + f" KEY-----\n{_LINES}\n-----END RSA PRIVATE" + " KEY-----\n"  # noqa: F541

HARMLESS = (
    "0b9c1d2e-7a94-4b1c-9c53-0d6a2b8e4f17",
    "toolu_01AbCdEfGhIjKlMnOpQrStUv",
    "msg_01XyZaBcDeFgHiJkLmNoPqRs",
    "req_011CPz3yKfVb1x2Y3z4A5b6C",
    "call_6hPNBxEzEWz9oLotxbWjGL4f",
    "ad9ae1175e608f39d05357ed6c9eaf9ebfae87eab23b73c4a154bdbcddadf112",
    "sha256:" + "3f79bb7b435b05321651daefd374cdc681dc06faa65e374e38337b88ca046dea",
    '"signature": "' + "EqQBCkgIARABGAIiQJx8s0kP2m5V7wYzQ1rT4uL9aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789" * 4 + '"',
    '"call_id":"call_r8rwnRs0BPdKNQebxCSEYTV0","internal_chat_message_metadata_passthrough":{}',
    "https://user:password@example.com/",
    "api_key = os.environ['API_KEY']",
)
"""Frequent texts of transcripts that are no credentials."""
