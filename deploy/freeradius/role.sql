-- The role FreeRADIUS logs in with: what it needs, and nothing else. Run this once as a superuser, in the
-- RADIUS database of ISP-OS (psql radius < role.sql), then give it a password.
--
-- It can read no PPPoE password but the NT hashes, it deletes nothing, and of our own tables it sees three
-- columns.

CREATE ROLE freeradius LOGIN;

DO $$ BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO freeradius', current_database()); END $$;
GRANT USAGE ON SCHEMA public TO freeradius;

-- Logins.
GRANT SELECT ON radcheck, radreply, radgroupcheck, radgroupreply, radusergroup TO freeradius;

-- Routers, and when they were heard last.
GRANT SELECT (id, nasname, shortname, secret, router_id, require_message_authenticator, disabled, changed_seq,
    last_heard_at) ON nas TO freeradius;
GRANT UPDATE (last_heard_at) ON nas TO freeradius;

-- Sessions, and whose they are.
GRANT SELECT, INSERT, UPDATE ON radacct TO freeradius;
GRANT USAGE ON SEQUENCE radacct_radacctid_seq TO freeradius;
GRANT SELECT (service_id, username, terminated) ON radius_account TO freeradius;

-- Refused logins.
GRANT INSERT ON radpostauth TO freeradius;
GRANT USAGE ON SEQUENCE radpostauth_id_seq TO freeradius;
