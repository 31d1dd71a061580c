"""Debian's FreeRADIUS with a configuration of its own: only what is needed, so that it is fast.

The SQL queries, the schema and the formula of acctuniqueid are those of the packages.
"""

from __future__ import annotations

import subprocess
from enum import StrEnum
from pathlib import Path

from tests.benchmarks.radius.asking import Asker
from tests.benchmarks.radius.population import Population
from tests.benchmarks.radius.servers import Server

PROGRAM = Path("/usr/sbin/freeradius")
STOCK = Path("/etc/freeradius/3.0")
STOCK_SQL = STOCK / "mods-config" / "sql" / "main" / "postgresql"
SCHEMA = STOCK_SQL / "schema.sql"

RADIUSD = """
prefix = /usr
libdir = /usr/lib/freeradius
confdir = {directory}
modconfdir = ${{confdir}}
logdir = ${{confdir}}
run_dir = ${{confdir}}
name = bench
max_requests = 65536
cleanup_delay = 5
hostname_lookups = no
proxy_requests = no
log {{
    destination = files
    file = ${{logdir}}/radius.log
    auth = no
}}
security {{
    max_attributes = 200
    reject_delay = 0
    status_server = no
}}
thread pool {{
    start_servers = 16
    max_servers = 16
    min_spare_servers = 1
    max_spare_servers = 16
    max_requests_per_server = 0
}}
modules {{
    expr {{
    }}
    preprocess {{
        huntgroups = ${{confdir}}/empty
        hints = ${{confdir}}/empty
    }}
    chap {{
    }}
    mschap {{
        use_mppe = yes
    }}
    pap {{
        normalise = no
    }}
{backend}
}}
instantiate {{
    expr
}}
policy {{
    $INCLUDE {stock}/policy.d/accounting
}}
{clients}
server bench {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {auth_port}
    }}
    listen {{
        type = acct
        ipaddr = 127.0.0.1
        port = {acct_port}
    }}
    authorize {{
        preprocess
        chap
        mschap
        {module}
        pap
    }}
    authenticate {{
        Auth-Type PAP {{
            pap
        }}
        Auth-Type CHAP {{
            chap
        }}
        Auth-Type MS-CHAP {{
            mschap
        }}
    }}
    preacct {{
        preprocess
        acct_unique
    }}
    accounting {{
        {accounting}
    }}
    # 3.2.1 does not sign answers by default (CVE-2024-3596); current routers require it.
    post-auth {{
        update reply {{
            &Message-Authenticator := 0x00
        }}
        {post_auth}
        Post-Auth-Type REJECT {{
            update reply {{
                &Message-Authenticator := 0x00
            }}
            {post_auth}
        }}
    }}
}}
"""
CLIENT = """
client {id} {{
    ipaddr = {address}
    secret = {secret}
    require_message_authenticator = yes
}}
"""
SQL = """
    sql {{
        dialect = "postgresql"
        driver = "rlm_sql_postgresql"
        radius_db = "{conninfo}"
        acct_table1 = "radacct"
        acct_table2 = "radacct"
        postauth_table = "radpostauth"
        authcheck_table = "radcheck"
        groupcheck_table = "radgroupcheck"
        authreply_table = "radreply"
        groupreply_table = "radgroupreply"
        usergroup_table = "radusergroup"
        client_table = "nas"
        group_attribute = "SQL-Group"
        read_clients = no
        pool {{
            start = 16
            min = 16
            max = 16
            spare = 0
            uses = 0
            lifetime = 0
            idle_timeout = 0
        }}
        $INCLUDE {stock_sql}/queries.conf
    }}
"""
FILES = """
    files {
        filename = ${confdir}/users
    }
    always ok {
        rcode = ok
    }
"""


class Backend(StrEnum):
    SQL = "SQL"
    SQL_POST_AUTH = "SQL, each login noted (radpostauth)"
    MEMORY = "users in memory"


class FreeRadius(Server):
    def __init__(
        self, directory: Path, asker: Asker, population: Population, backend: Backend, conninfo: str
    ) -> None:
        """Raises PermissionError unless run as root, the only user who can read Debian's stock queries."""
        super().__init__(directory / "radius.log", asker)
        self.name = f"FreeRADIUS, {backend}"
        self._directory = directory
        directory.mkdir(exist_ok=True)
        (directory / "empty").touch()
        in_memory = backend is Backend.MEMORY
        configuration = RADIUSD.format(
            directory=directory,
            stock=STOCK,
            backend=FILES if in_memory else SQL.format(conninfo=conninfo, stock_sql=STOCK_SQL),
            clients="".join(
                CLIENT.format(id=router.id, address=router.address, secret=router.secret)
                for router in population.clients
            ),
            auth_port=self.auth_port,
            acct_port=self.acct_port,
            module="files" if in_memory else "sql",
            accounting="ok" if in_memory else "sql",
            post_auth="sql" if backend is Backend.SQL_POST_AUTH else "",
        )
        (directory / "radiusd.conf").write_text(configuration)
        if in_memory:
            _write_users(directory / "users", population)
        SCHEMA.read_bytes()

    def command(self) -> list[str]:
        return [str(PROGRAM), "-f", "-d", str(self._directory), "-n", "radiusd"]


def version() -> str:
    said = subprocess.run([PROGRAM, "-v"], capture_output=True, text=True, check=True).stdout
    return said.partition("Version ")[2].split(",")[0].split()[0]


def _write_users(path: Path, population: Population) -> None:
    with path.open("w") as file:
        for subscriber in population.subscribers:
            replies = dict(subscriber.plan.replies)
            if subscriber.static_ip is not None:
                replies["Framed-IP-Address"] = subscriber.static_ip
            lines = ",\n".join(f'\t{name} = "{value}"' for name, value in replies.items())
            file.write(f'{subscriber.username} Cleartext-Password := "{subscriber.password}"\n{lines}\n\n')
