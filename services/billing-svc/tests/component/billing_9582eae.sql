-- What billing-svc of commit 9582eae stored: subscribers who joined before and after its run of December 1, 2026,
-- who left, a login created again, voided invoices and a free service. It last worked on December 15.
INSERT INTO settings (id, version, invoice_generation_day, payment_terms_days, grace_period_days, auto_suspend, suspension_mode, tax_mode, invoice_series, currency, generation_day_set_on, collections_done_on) VALUES
(1, 1, 1, 15, 5, 1, 'walled_garden', 'non_vat', 'INV', 'PHP', '2026-11-23', '2026-12-15');
INSERT INTO invoice_series (prefix, next_number) VALUES
('INV', 11);
INSERT INTO accounts (subscriber_id, subscriber_version, full_name, standing_sequence, suspension_requested, name_key) VALUES
('01a22fa2-0397-78e7-9ed7-8ecee5c61c11', 1, 'Juan', 0, 0, 'juan'),
('01a22fa2-03e6-7e23-834e-bf4a372b80d5', 1, 'Gone', 1, 1, 'gone'),
('01a22fa2-0404-72f2-91f4-d78f378c8659', 1, 'Barangay hall', 0, 0, 'barangay hall'),
('01a22fa2-0517-7de1-a63a-4379ff92e208', 1, 'Maria', 0, 0, 'maria'),
('01a22fa2-0528-795c-a40e-842d30f3d4b8', 1, 'Left early', 0, 0, 'left early'),
('01a22fa2-05e4-73da-87b4-0d426b826ba7', 1, 'Pedro', 0, 0, 'pedro'),
('01a22fa2-0600-7597-86b5-c558291a47b5', 1, 'Void', 0, 0, 'void'),
('01a22fa2-06b9-76c7-980e-fd86e096241d', 1, 'Ana', 0, 0, 'ana'),
('01a22fa2-0724-7369-9900-944e5c922303', 1, 'Again', 0, 0, 'again'),
('01a22fa2-07d6-774a-b038-620612459689', 1, 'Rosa', 0, 0, 'rosa');
INSERT INTO plan_projections (plan_id, version, name, price_minor, currency, billing_type) VALUES
('01a22fa2-02a3-7a9e-811c-7117daaee563', 1, 'Fiber 50 Mbps', 150000, 'PHP', 'postpaid');
INSERT INTO service_projections (service_id, version, subscriber_id, plan_id, pppoe_username, status, individual_price_minor, discount_kind, discount_value, discount_until, activated_on) VALUES
('01a22fa2-03cb-704c-b98d-cd745772de08', 1, '01a22fa2-0397-78e7-9ed7-8ecee5c61c11', '01a22fa2-02a3-7a9e-811c-7117daaee563', 'juan', 'active', NULL, NULL, NULL, NULL, '2026-11-23'),
('01a22fa2-03f7-76ba-8ca0-7c66468709be', 2, '01a22fa2-03e6-7e23-834e-bf4a372b80d5', '01a22fa2-02a3-7a9e-811c-7117daaee563', 'gone', 'terminated', NULL, NULL, NULL, NULL, '2026-11-23'),
('01a22fa2-0417-78e1-89e0-4b57c9bc68df', 1, '01a22fa2-0404-72f2-91f4-d78f378c8659', '01a22fa2-02a3-7a9e-811c-7117daaee563', 'hall', 'active', 0, NULL, NULL, NULL, '2026-11-23'),
('01a22fa2-0521-75d8-823c-b704660375fa', 1, '01a22fa2-0517-7de1-a63a-4379ff92e208', '01a22fa2-02a3-7a9e-811c-7117daaee563', 'maria', 'active', NULL, NULL, NULL, NULL, '2026-11-25'),
('01a22fa2-052e-7b5c-9907-e517a7353a65', 2, '01a22fa2-0528-795c-a40e-842d30f3d4b8', '01a22fa2-02a3-7a9e-811c-7117daaee563', 'left', 'terminated', NULL, NULL, NULL, NULL, '2026-11-25'),
('01a22fa2-05f4-72a5-9471-9a94abc45c71', 1, '01a22fa2-05e4-73da-87b4-0d426b826ba7', '01a22fa2-02a3-7a9e-811c-7117daaee563', 'pedro', 'active', NULL, NULL, NULL, NULL, '2026-12-05'),
('01a22fa2-0603-7fd0-829c-903c4778a8d1', 1, '01a22fa2-0600-7597-86b5-c558291a47b5', '01a22fa2-02a3-7a9e-811c-7117daaee563', 'void', 'active', NULL, NULL, NULL, NULL, '2026-12-05'),
('01a22fa2-06c5-7513-b62b-8ffb425f508d', 1, '01a22fa2-06b9-76c7-980e-fd86e096241d', '01a22fa2-02a3-7a9e-811c-7117daaee563', 'ana', 'active', NULL, NULL, NULL, NULL, '2026-12-05'),
('01a22fa2-072b-7728-bc75-5c12d133815e', 2, '01a22fa2-0724-7369-9900-944e5c922303', '01a22fa2-02a3-7a9e-811c-7117daaee563', 'again', 'terminated', NULL, NULL, NULL, NULL, '2026-12-10'),
('01a22fa2-07a2-7b11-9dcc-6983a2f8fe0c', 1, '01a22fa2-0724-7369-9900-944e5c922303', '01a22fa2-02a3-7a9e-811c-7117daaee563', 'again', 'active', NULL, NULL, NULL, NULL, '2026-12-10'),
('01a22fa2-07da-72f5-9f8e-452550873646', 1, '01a22fa2-07d6-774a-b038-620612459689', '01a22fa2-02a3-7a9e-811c-7117daaee563', 'rosa', 'active', NULL, NULL, NULL, NULL, '2026-12-10');
INSERT INTO invoices (id, number, subscriber_id, subscriber_name, state, collection_status, period_start, period_end, issued_on, due_on, total_minor, currency, created_at, voided_at, voided_by, void_reason) VALUES
('01a22fa2-0493-7376-a4c2-f467e6a5409f', 'INV-000001', '01a22fa2-0397-78e7-9ed7-8ecee5c61c11', 'Juan', 'paid', 'pending', '2026-11-01', '2026-12-01', '2026-11-23', '2026-12-08', 150000, 'PHP', '2026-11-23 02:00:00.000000', NULL, NULL, NULL),
('01a22fa2-0493-75bb-8b6d-a2b4c032a982', 'INV-000002', '01a22fa2-03e6-7e23-834e-bf4a372b80d5', 'Gone', 'open', 'suspended', '2026-11-01', '2026-12-01', '2026-11-23', '2026-12-08', 150000, 'PHP', '2026-11-23 02:00:00.000000', NULL, NULL, NULL),
('01a22fa2-055f-7aa4-9635-e82b4239e5b6', 'INV-000003', '01a22fa2-0397-78e7-9ed7-8ecee5c61c11', 'Juan', 'open', 'pending', '2026-12-01', '2027-01-01', '2026-12-01', '2026-12-16', 150000, 'PHP', '2026-12-01 02:00:00.000000', NULL, NULL, NULL),
('01a22fa2-055f-7cad-8285-a97f6ab8fb51', 'INV-000004', '01a22fa2-03e6-7e23-834e-bf4a372b80d5', 'Gone', 'open', 'pending', '2026-12-01', '2027-01-01', '2026-12-01', '2026-12-16', 150000, 'PHP', '2026-12-01 02:00:00.000000', NULL, NULL, NULL),
('01a22fa2-055f-7dcf-ab98-3836b3eb9f80', 'INV-000005', '01a22fa2-0517-7de1-a63a-4379ff92e208', 'Maria', 'paid', 'pending', '2026-12-01', '2027-01-01', '2026-12-01', '2026-12-16', 150000, 'PHP', '2026-12-01 02:00:00.000000', NULL, NULL, NULL),
('01a22fa2-0635-7331-bba6-94ac66050806', 'INV-000006', '01a22fa2-05e4-73da-87b4-0d426b826ba7', 'Pedro', 'open', 'pending', '2026-12-01', '2027-01-01', '2026-12-05', '2026-12-20', 150000, 'PHP', '2026-12-05 02:00:00.000000', NULL, NULL, NULL),
('01a22fa2-0635-74ab-ae3c-ca6a2929a358', 'INV-000007', '01a22fa2-0600-7597-86b5-c558291a47b5', 'Void', 'void', 'pending', '2026-12-01', '2027-01-01', '2026-12-05', '2026-12-20', 150000, 'PHP', '2026-12-05 02:00:00.000000', '2026-12-05 02:00:00.000000', 'ana', 'a mistake'),
('01a22fa2-0770-77d0-b42d-b9f4e1e5ae46', 'INV-000008', '01a22fa2-0600-7597-86b5-c558291a47b5', 'Void', 'void', 'pending', '2026-12-01', '2027-01-01', '2026-12-10', '2026-12-25', 150000, 'PHP', '2026-12-10 02:00:00.000000', '2026-12-10 02:00:00.000000', 'ana', 'a mistake'),
('01a22fa2-0770-7e3c-94ff-2eb57f45e2e0', 'INV-000009', '01a22fa2-06b9-76c7-980e-fd86e096241d', 'Ana', 'open', 'pending', '2026-12-01', '2027-01-01', '2026-12-10', '2026-12-25', 150000, 'PHP', '2026-12-10 02:00:00.000000', NULL, NULL, NULL),
('01a22fa2-0770-7ee5-86a6-8579f354e174', 'INV-000010', '01a22fa2-0724-7369-9900-944e5c922303', 'Again', 'open', 'pending', '2026-12-01', '2027-01-01', '2026-12-10', '2026-12-25', 150000, 'PHP', '2026-12-10 02:00:00.000000', NULL, NULL, NULL);
INSERT INTO invoice_lines (id, invoice_id, service_id, description, period_start, period_end, plan_id, plan_name, price_minor, price_source, discount_minor, tax_minor, amount_minor, voided) VALUES
('01a22fa2-0493-7520-8c77-08002617a9fb', '01a22fa2-0493-7376-a4c2-f467e6a5409f', '01a22fa2-03cb-704c-b98d-cd745772de08', 'Fiber 50 Mbps (juan)', '2026-11-01', '2026-12-01', '01a22fa2-02a3-7a9e-811c-7117daaee563', 'Fiber 50 Mbps', 150000, 'plan', 0, 0, 150000, 0),
('01a22fa2-0493-75f8-9672-37c26cfd1ebd', '01a22fa2-0493-75bb-8b6d-a2b4c032a982', '01a22fa2-03f7-76ba-8ca0-7c66468709be', 'Fiber 50 Mbps (gone)', '2026-11-01', '2026-12-01', '01a22fa2-02a3-7a9e-811c-7117daaee563', 'Fiber 50 Mbps', 150000, 'plan', 0, 0, 150000, 0),
('01a22fa2-055f-7c08-88f3-4e98b016f9d2', '01a22fa2-055f-7aa4-9635-e82b4239e5b6', '01a22fa2-03cb-704c-b98d-cd745772de08', 'Fiber 50 Mbps (juan)', '2026-12-01', '2027-01-01', '01a22fa2-02a3-7a9e-811c-7117daaee563', 'Fiber 50 Mbps', 150000, 'plan', 0, 0, 150000, 0),
('01a22fa2-055f-7ce7-9179-12dd71f4411e', '01a22fa2-055f-7cad-8285-a97f6ab8fb51', '01a22fa2-03f7-76ba-8ca0-7c66468709be', 'Fiber 50 Mbps (gone)', '2026-12-01', '2027-01-01', '01a22fa2-02a3-7a9e-811c-7117daaee563', 'Fiber 50 Mbps', 150000, 'plan', 0, 0, 150000, 0),
('01a22fa2-055f-7e0c-95a9-f74f2a99c92f', '01a22fa2-055f-7dcf-ab98-3836b3eb9f80', '01a22fa2-0521-75d8-823c-b704660375fa', 'Fiber 50 Mbps (maria)', '2026-12-01', '2027-01-01', '01a22fa2-02a3-7a9e-811c-7117daaee563', 'Fiber 50 Mbps', 150000, 'plan', 0, 0, 150000, 0),
('01a22fa2-0635-7431-be85-6ff90a2e6fe6', '01a22fa2-0635-7331-bba6-94ac66050806', '01a22fa2-05f4-72a5-9471-9a94abc45c71', 'Fiber 50 Mbps (pedro)', '2026-12-01', '2027-01-01', '01a22fa2-02a3-7a9e-811c-7117daaee563', 'Fiber 50 Mbps', 150000, 'plan', 0, 0, 150000, 0),
('01a22fa2-0635-74df-a7db-04dbb3af7480', '01a22fa2-0635-74ab-ae3c-ca6a2929a358', '01a22fa2-0603-7fd0-829c-903c4778a8d1', 'Fiber 50 Mbps (void)', '2026-12-01', '2027-01-01', '01a22fa2-02a3-7a9e-811c-7117daaee563', 'Fiber 50 Mbps', 150000, 'plan', 0, 0, 150000, 1),
('01a22fa2-0770-7d7d-9c33-748e32d96721', '01a22fa2-0770-77d0-b42d-b9f4e1e5ae46', '01a22fa2-0603-7fd0-829c-903c4778a8d1', 'Fiber 50 Mbps (void)', '2026-12-01', '2027-01-01', '01a22fa2-02a3-7a9e-811c-7117daaee563', 'Fiber 50 Mbps', 150000, 'plan', 0, 0, 150000, 1),
('01a22fa2-0770-7e8f-8074-54074b20e051', '01a22fa2-0770-7e3c-94ff-2eb57f45e2e0', '01a22fa2-06c5-7513-b62b-8ffb425f508d', 'Fiber 50 Mbps (ana)', '2026-12-01', '2027-01-01', '01a22fa2-02a3-7a9e-811c-7117daaee563', 'Fiber 50 Mbps', 150000, 'plan', 0, 0, 150000, 0),
('01a22fa2-0770-7f29-8779-f4b36473b5cd', '01a22fa2-0770-7ee5-86a6-8579f354e174', '01a22fa2-072b-7728-bc75-5c12d133815e', 'Fiber 50 Mbps (again)', '2026-12-01', '2027-01-01', '01a22fa2-02a3-7a9e-811c-7117daaee563', 'Fiber 50 Mbps', 150000, 'plan', 0, 0, 150000, 0);
INSERT INTO received_payments (payment_id, subscriber_id, amount_minor, currency, received_on, exhausted) VALUES
('01a22fa2-04e1-7d53-90f5-4651ac441d61', '01a22fa2-0397-78e7-9ed7-8ecee5c61c11', 150000, 'PHP', '2026-11-23', 1),
('01a22fa2-05b0-7a0f-acb9-53c4459bac35', '01a22fa2-0517-7de1-a63a-4379ff92e208', 200000, 'PHP', '2026-12-01', 0),
('01a22fa2-0830-7e2c-90d8-f3f64d3855bb', '01a22fa2-0397-78e7-9ed7-8ecee5c61c11', 1000, 'PHP', '2026-12-15', 1);
INSERT INTO allocations (id, payment_id, invoice_id, amount_minor, allocated_at, reversed_at) VALUES
('01a22fa2-0503-74c4-a86d-deef275c8942', '01a22fa2-04e1-7d53-90f5-4651ac441d61', '01a22fa2-0493-7376-a4c2-f467e6a5409f', 150000, '2026-11-23 02:00:00.000000', NULL),
('01a22fa2-05ba-75df-af68-5b6d53b3175f', '01a22fa2-05b0-7a0f-acb9-53c4459bac35', '01a22fa2-055f-7dcf-ab98-3836b3eb9f80', 150000, '2026-12-01 02:00:00.000000', NULL),
('01a22fa2-084c-7178-bea0-2e7d600b6db2', '01a22fa2-0830-7e2c-90d8-f3f64d3855bb', '01a22fa2-055f-7aa4-9635-e82b4239e5b6', 1000, '2026-12-15 02:00:00.000000', NULL);
INSERT INTO ledger_entries (id, subscriber_id, debit_account, credit_account, amount_minor, currency, kind, source_id, effective_on, recorded_at) VALUES
(1, '01a22fa2-0397-78e7-9ed7-8ecee5c61c11', 'receivable', 'revenue', 150000, 'PHP', 'invoice', '01a22fa2-0493-7376-a4c2-f467e6a5409f', '2026-11-23', '2026-11-23 02:00:00.000000'),
(2, '01a22fa2-03e6-7e23-834e-bf4a372b80d5', 'receivable', 'revenue', 150000, 'PHP', 'invoice', '01a22fa2-0493-75bb-8b6d-a2b4c032a982', '2026-11-23', '2026-11-23 02:00:00.000000'),
(3, '01a22fa2-0397-78e7-9ed7-8ecee5c61c11', 'cash:cash', 'receivable', 150000, 'PHP', 'payment', '01a22fa2-04e1-7d53-90f5-4651ac441d61', '2026-11-23', '2026-11-23 02:00:00.000000'),
(4, '01a22fa2-0397-78e7-9ed7-8ecee5c61c11', 'receivable', 'revenue', 150000, 'PHP', 'invoice', '01a22fa2-055f-7aa4-9635-e82b4239e5b6', '2026-12-01', '2026-12-01 02:00:00.000000'),
(5, '01a22fa2-03e6-7e23-834e-bf4a372b80d5', 'receivable', 'revenue', 150000, 'PHP', 'invoice', '01a22fa2-055f-7cad-8285-a97f6ab8fb51', '2026-12-01', '2026-12-01 02:00:00.000000'),
(6, '01a22fa2-0517-7de1-a63a-4379ff92e208', 'receivable', 'revenue', 150000, 'PHP', 'invoice', '01a22fa2-055f-7dcf-ab98-3836b3eb9f80', '2026-12-01', '2026-12-01 02:00:00.000000'),
(7, '01a22fa2-0517-7de1-a63a-4379ff92e208', 'cash:cash', 'receivable', 200000, 'PHP', 'payment', '01a22fa2-05b0-7a0f-acb9-53c4459bac35', '2026-12-01', '2026-12-01 02:00:00.000000'),
(8, '01a22fa2-05e4-73da-87b4-0d426b826ba7', 'receivable', 'revenue', 150000, 'PHP', 'invoice', '01a22fa2-0635-7331-bba6-94ac66050806', '2026-12-05', '2026-12-05 02:00:00.000000'),
(9, '01a22fa2-0600-7597-86b5-c558291a47b5', 'receivable', 'revenue', 150000, 'PHP', 'invoice', '01a22fa2-0635-74ab-ae3c-ca6a2929a358', '2026-12-05', '2026-12-05 02:00:00.000000'),
(10, '01a22fa2-0600-7597-86b5-c558291a47b5', 'revenue', 'receivable', 150000, 'PHP', 'void', '01a22fa2-0635-74ab-ae3c-ca6a2929a358', '2026-12-05', '2026-12-05 02:00:00.000000'),
(11, '01a22fa2-0600-7597-86b5-c558291a47b5', 'receivable', 'revenue', 150000, 'PHP', 'invoice', '01a22fa2-0770-77d0-b42d-b9f4e1e5ae46', '2026-12-10', '2026-12-10 02:00:00.000000'),
(12, '01a22fa2-06b9-76c7-980e-fd86e096241d', 'receivable', 'revenue', 150000, 'PHP', 'invoice', '01a22fa2-0770-7e3c-94ff-2eb57f45e2e0', '2026-12-10', '2026-12-10 02:00:00.000000'),
(13, '01a22fa2-0724-7369-9900-944e5c922303', 'receivable', 'revenue', 150000, 'PHP', 'invoice', '01a22fa2-0770-7ee5-86a6-8579f354e174', '2026-12-10', '2026-12-10 02:00:00.000000'),
(14, '01a22fa2-0600-7597-86b5-c558291a47b5', 'revenue', 'receivable', 150000, 'PHP', 'void', '01a22fa2-0770-77d0-b42d-b9f4e1e5ae46', '2026-12-10', '2026-12-10 02:00:00.000000'),
(15, '01a22fa2-0397-78e7-9ed7-8ecee5c61c11', 'cash:cash', 'receivable', 1000, 'PHP', 'payment', '01a22fa2-0830-7e2c-90d8-f3f64d3855bb', '2026-12-15', '2026-12-15 02:00:00.000000');
INSERT INTO billing_runs (id, run_on, period_start, period_end, dry_run, automatic, status, total, created, skipped, failed, amount_minor, cursor, error, started_by, started_at, finished_at) VALUES
('01a22fa2-0429-7e03-82fe-34f3710056e2', '2026-11-23', '2026-11-01', '2026-12-01', 0, 0, 'finished', 3, 2, 1, 0, 300000, '01a22fa2-0404-72f2-91f4-d78f378c8659', NULL, 'ana', '2026-11-23 02:00:00.000000', '2026-11-23 02:00:00.000000'),
('01a22fa2-054b-73dd-9561-0063399cf7c5', '2026-12-01', '2026-12-01', '2027-01-01', 0, 1, 'finished', 4, 3, 1, 0, 450000, '01a22fa2-0517-7de1-a63a-4379ff92e208', NULL, 'billing day', '2026-12-01 02:00:00.000000', '2026-12-01 02:00:00.000000'),
('01a22fa2-0608-7e21-b5df-f4e15d1aaef2', '2026-12-05', '2026-12-01', '2027-01-01', 0, 0, 'finished', 6, 2, 4, 0, 300000, '01a22fa2-0600-7597-86b5-c558291a47b5', NULL, 'ana', '2026-12-05 02:00:00.000000', '2026-12-05 02:00:00.000000'),
('01a22fa2-0739-75da-af1f-d0d6753eb6a4', '2026-12-10', '2026-12-01', '2027-01-01', 0, 0, 'finished', 7, 3, 4, 0, 450000, '01a22fa2-0724-7369-9900-944e5c922303', NULL, 'ana', '2026-12-10 02:00:00.000000', '2026-12-10 02:00:00.000000');
INSERT INTO billing_run_items (run_id, subscriber_id, subscriber_name, outcome, reason, invoice_id, amount_minor) VALUES
('01a22fa2-0429-7e03-82fe-34f3710056e2', '01a22fa2-0397-78e7-9ed7-8ecee5c61c11', 'Juan', 'created', '', '01a22fa2-0493-7376-a4c2-f467e6a5409f', 150000),
('01a22fa2-0429-7e03-82fe-34f3710056e2', '01a22fa2-03e6-7e23-834e-bf4a372b80d5', 'Gone', 'created', '', '01a22fa2-0493-75bb-8b6d-a2b4c032a982', 150000),
('01a22fa2-0429-7e03-82fe-34f3710056e2', '01a22fa2-0404-72f2-91f4-d78f378c8659', 'Barangay hall', 'skipped', 'nothing to charge: the price after discount is zero', NULL, NULL),
('01a22fa2-054b-73dd-9561-0063399cf7c5', '01a22fa2-0397-78e7-9ed7-8ecee5c61c11', 'Juan', 'created', '', '01a22fa2-055f-7aa4-9635-e82b4239e5b6', 150000),
('01a22fa2-054b-73dd-9561-0063399cf7c5', '01a22fa2-03e6-7e23-834e-bf4a372b80d5', 'Gone', 'created', '', '01a22fa2-055f-7cad-8285-a97f6ab8fb51', 150000),
('01a22fa2-054b-73dd-9561-0063399cf7c5', '01a22fa2-0404-72f2-91f4-d78f378c8659', 'Barangay hall', 'skipped', 'nothing to charge: the price after discount is zero', NULL, NULL),
('01a22fa2-054b-73dd-9561-0063399cf7c5', '01a22fa2-0517-7de1-a63a-4379ff92e208', 'Maria', 'created', '', '01a22fa2-055f-7dcf-ab98-3836b3eb9f80', 150000),
('01a22fa2-0608-7e21-b5df-f4e15d1aaef2', '01a22fa2-0397-78e7-9ed7-8ecee5c61c11', 'Juan', 'skipped', 'already invoiced for this period: INV-000003', NULL, NULL),
('01a22fa2-0608-7e21-b5df-f4e15d1aaef2', '01a22fa2-03e6-7e23-834e-bf4a372b80d5', 'Gone', 'skipped', 'already invoiced for this period: INV-000004', NULL, NULL),
('01a22fa2-0608-7e21-b5df-f4e15d1aaef2', '01a22fa2-0404-72f2-91f4-d78f378c8659', 'Barangay hall', 'skipped', 'nothing to charge: the price after discount is zero', NULL, NULL),
('01a22fa2-0608-7e21-b5df-f4e15d1aaef2', '01a22fa2-0517-7de1-a63a-4379ff92e208', 'Maria', 'skipped', 'already invoiced for this period: INV-000005', NULL, NULL),
('01a22fa2-0608-7e21-b5df-f4e15d1aaef2', '01a22fa2-05e4-73da-87b4-0d426b826ba7', 'Pedro', 'created', '', '01a22fa2-0635-7331-bba6-94ac66050806', 150000),
('01a22fa2-0608-7e21-b5df-f4e15d1aaef2', '01a22fa2-0600-7597-86b5-c558291a47b5', 'Void', 'created', '', '01a22fa2-0635-74ab-ae3c-ca6a2929a358', 150000),
('01a22fa2-0739-75da-af1f-d0d6753eb6a4', '01a22fa2-0397-78e7-9ed7-8ecee5c61c11', 'Juan', 'skipped', 'already invoiced for this period: INV-000003', NULL, NULL),
('01a22fa2-0739-75da-af1f-d0d6753eb6a4', '01a22fa2-0404-72f2-91f4-d78f378c8659', 'Barangay hall', 'skipped', 'nothing to charge: the price after discount is zero', NULL, NULL),
('01a22fa2-0739-75da-af1f-d0d6753eb6a4', '01a22fa2-0517-7de1-a63a-4379ff92e208', 'Maria', 'skipped', 'already invoiced for this period: INV-000005', NULL, NULL),
('01a22fa2-0739-75da-af1f-d0d6753eb6a4', '01a22fa2-05e4-73da-87b4-0d426b826ba7', 'Pedro', 'skipped', 'already invoiced for this period: INV-000006', NULL, NULL),
('01a22fa2-0739-75da-af1f-d0d6753eb6a4', '01a22fa2-0600-7597-86b5-c558291a47b5', 'Void', 'created', '', '01a22fa2-0770-77d0-b42d-b9f4e1e5ae46', 150000),
('01a22fa2-0739-75da-af1f-d0d6753eb6a4', '01a22fa2-06b9-76c7-980e-fd86e096241d', 'Ana', 'created', '', '01a22fa2-0770-7e3c-94ff-2eb57f45e2e0', 150000),
('01a22fa2-0739-75da-af1f-d0d6753eb6a4', '01a22fa2-0724-7369-9900-944e5c922303', 'Again', 'created', '', '01a22fa2-0770-7ee5-86a6-8579f354e174', 150000);
