"""Webhook addresses that must lead nowhere.

In each, `PORT` becomes the port of a canary that listens on 127.0.0.1.
"""

import socket
from collections.abc import Callable
from typing import Any

LITERALS = [
    "http://127.0.0.1:PORT/",
    "http://127.0.0.1/",
    "http://127.1:PORT/",
    "http://127.0.1/",
    "http://2130706433:PORT/",
    "http://0x7f000001:PORT/",
    "http://0x7f.1:PORT/",
    "http://0X7F.0x0.0x0.0x1/",
    "http://0177.0.0.1:PORT/",
    "http://017700000001:PORT/",
    "http://0177.0x0.1/",
    "http://127.0.0.1.:PORT/",
    "http://127.255.255.254/",
    "http://0:PORT/",
    "http://0.0.0.0:PORT/",
    "http://[::1]:PORT/",
    "http://[::]:PORT/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]:PORT/",
    "http://[::ffff:7f00:1]:PORT/",
    "http://[::127.0.0.1]:PORT/",
    "http://[::7f00:1]/",
    "http://[64:ff9b::127.0.0.1]:PORT/",
    "http://[64:ff9b::808:808]/",
    "http://[64:ff9b:1::7f00:1]/",
    "http://[2002:7f00:1::]:PORT/",
    "http://[2001:0:7f00:1::]/",
    "http://[fe80::1]/",
    "http://[fc00::1]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[2001:db8::1]/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::ffff:169.254.169.254]/",
    "http://2852039166/",
    "http://100.64.0.1/",
    "http://100.100.100.200/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.0.1/",
    "http://192.0.2.1/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://１２７.０.０.１:PORT/",
    "http://127。0。0。1:PORT/",
    "http://①②⑦.0.0.1:PORT/",
    "http://%31%32%37.0.0.1:PORT/",
    "http://127.0.0.1:PORT#@example.com/",
    "http://127.0.0.1:PORT?@example.com/",
    "HTTP://127.0.0.1:PORT/",
    "https://127.0.0.1:PORT/",
    "https://8.8.8.8:22/",
    "http://8.8.8.8:6379/",
]

MALFORMED = [
    "//127.0.0.1:PORT/",
    "127.0.0.1:PORT",
    "javascript:1",
    "",
    "   ",
    "http://",
    "http:///path",
    "http://:PORT/",
    "http://user:pass@127.0.0.1:PORT/",
    "http://example.com@127.0.0.1:PORT/",
    "http://127.0.0.1:PORT\\@example.com/",
    "http://example.com\\@127.0.0.1:PORT/",
    "http://exa mple.com/",
    "http://127.0.0.1:PORT\t/",
    "http://127.0.0.1:PORT/\r\nX: y",
    "http://exam\x00ple.com/",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:-1/",
    "http://127.0.0.1:PORT:80/",
    "http://[::1/",
    "http://[::1%25lo]:PORT/",
    "http://[::1%lo]/",
    "http://[v1.x]/",
    "http://" + "a" * 64 + ".com/",
    "http://" + "a." * 200 + "com/",
    "http://-a_.*.com/",
    "http://example.com/" + "x" * 3000,
    "http://\ud800.com/",
]

SCHEMES = [
    "ftp://127.0.0.1:PORT/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:PORT/",
    "httpx://a/",
]

# Names of this machine; which of them exist is for its resolver to say.
NAMES = ["localhost", "localhost.", "LOCALHOST", "ip6-localhost", "localhost.localdomain"]

# What a name may resolve to.
RESOLUTIONS = [
    ["127.0.0.1"],
    ["::1"],
    ["::ffff:127.0.0.1"],
    ["93.184.216.34", "127.0.0.1"],
    ["127.0.0.1", "93.184.216.34"],
    ["fe80::1%lo"],
    ["10.0.0.1"],
]


def resolver(*answers: list[str]) -> Callable[..., Any]:
    """Return a resolver that gives one answer after the other, the last one for ever."""
    given = list(answers)

    def lookup(host: str, port: int, **_: Any) -> list[Any]:
        addresses = given.pop(0) if len(given) > 1 else given[0]
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, 1, 6, "", (address, port))
            for address in addresses
        ]

    return lookup
