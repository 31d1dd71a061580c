-- Creates the role FreeRADIUS logs in with, with the minimum privileges. Run this once as a superuser in the
-- RADIUS database of ISP-OS (psql radius < role.sql), then set a password for the role.
--
-- The role can read NT hashes but no PPPoE passwords, it cannot delete anything, and of the tables that are not
-- part of the standard schema it can read only three columns.

CREATE ROLE freeradius LOGIN;

DO $$ BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO freeradius', current_database()); END $$;
GRANT USAGE ON SCHEMA public TO freeradius;

-- Logins.
GRANT SELECT ON radcheck, radreply, radgroupcheck, radgroupreply, radusergroup TO freeradius;

-- Routers, and when they sent packets last.
GRANT SELECT (id, nasname, shortname, secret, router_id, require_message_authenticator, disabled, changed_seq,
    last_heard_at) ON nas TO freeradius;
GRANT UPDATE (last_heard_at) ON nas TO freeradius;

-- Sessions, and the services they belong to.
GRANT SELECT, INSERT, UPDATE ON radacct TO freeradius;
GRANT USAGE ON SEQUENCE radacct_radacctid_seq TO freeradius;
GRANT SELECT (service_id, username, terminated) ON radius_account TO freeradius;

-- Refused logins.
GRANT INSERT ON radpostauth TO freeradius;
GRANT USAGE ON SEQUENCE radpostauth_id_seq TO freeradius;
