"""A mail server for tests: aiosmtpd, with a login and STARTTLS or TLS from the first byte.

    smtp_server.py MODE CERTIFICATE KEY

MODE is startTls, implicit or none. Prints its port, and then each message as a line of JSON.
"""

import json
import socket
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

MODE = sys.argv[1]


class Handler:
    async def handle_DATA(self, server, session, envelope):
        if "refused@vtr.cl" in envelope.rcpt_tos:
            return "554 5.7.1 this mail is refused"
        message = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "data": envelope.content.decode("utf-8"),
            "tls": MODE == "implicit" or session.ssl is not None,
            "login": session.auth_data.login.decode() if session.auth_data else None,
        }
        print(json.dumps(message), flush=True)
        return "250 2.0.0 queued as 1"


def authenticate(server, session, envelope, mechanism, data):
    is_known = (data.login, data.password) == (b"bot", b"hunter22hunter22")
    # Unhandled: the server answers.
    return AuthResult(success=is_known, handled=False, auth_data=data if is_known else None)


def main():
    mode, certificate, key = MODE, *sys.argv[2:]
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    has_tls = mode != "none"

    class Server(Controller):
        def factory(self):
            return SMTP(
                self.handler,
                authenticator=authenticate,
                auth_required=has_tls,
                auth_require_tls=mode == "startTls",
                require_starttls=mode == "startTls",
                tls_context=context if mode == "startTls" else None,
            )

    # Controller.start() connects to the port that it was given, so it cannot be 0.
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    wrapped = context if mode == "implicit" else None
    Server(Handler(), hostname="127.0.0.1", port=port, ssl_context=wrapped).start()
    print(port, flush=True)
    sys.stdin.read()


main()
