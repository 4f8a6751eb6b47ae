"""OCSP, lists and time-stamps from one process: `status_server.py AUTHORITY [KEY]`.

AUTHORITY is a folder that `eds ca init` and `eds ca ceremony` made, KEY the label of the key of a
time-stamping unit there. The password of the keys is read from $EDS_PASSWORD. Ask it with

    openssl ocsp -url http://127.0.0.1:8080/ocsp -issuer ca.pem -cert person.pem -CAfile root.pem

`eds serve` is the same with several workers, settings in a file, and somebody who watches them.
"""

import os
import sys
from pathlib import Path

from eds import Secret
from eds.http.metrics import Worker
from eds.http.opening import Surroundings, new_board, open_doors
from eds.http.serving import Serving, listening
from eds.http.settings import HttpSettings, ListSettings, OcspSettings, ServerSettings
from eds.http.settings import TimeStampSettings as Stamps

folder, *keys = sys.argv[1:]
password = Secret(os.environ.pop("EDS_PASSWORD"))
settings = HttpSettings(
    authority=".",
    server=ServerSettings(port=int(os.environ.get("PORT", "8080")), workers=1),
    ocsp=OcspSettings(validity_hours=1),
    lists=ListSettings(),
    timestamps=Stamps(policy="1.2.398.3.3.2.6.4", key_store="keys", key=keys[0], node=1)
    if keys
    else None,
)
board = new_board(workers=1)
around = Surroundings(
    base=Path(folder).absolute(),
    pin=lambda _: password,
    hand=Worker(board),
    board=board,
    journal=lambda entry: print(entry.line, flush=True),
)

with open_doors(settings, around) as application:
    for route in application.routes.routes:
        print(route.method, route.path)
    listener = listening(settings.server, count=1)[0]
    print("listening at port", listener.getsockname()[1], flush=True)
    Serving(application, settings.server).run(listener)
