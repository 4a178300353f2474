-- Tables with personal data that looks real and is nobody's: names are made up, card numbers are the card
-- networks' test numbers, IBANs the registry's examples, phone numbers and addresses from ranges kept for fiction.
CREATE TABLE customers (
    id integer PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL UNIQUE,
    phone text,
    card text,
    iban text,
    ssn text,
    address jsonb NOT NULL DEFAULT '{}',
    tags text[] NOT NULL DEFAULT '{}',
    balance numeric(12, 2) NOT NULL DEFAULT 0,
    last_login inet,
    notes text,
    created_at timestamptz NOT NULL DEFAULT '2026-01-05 09:00:00+00'
);

INSERT INTO customers (id, name, email, phone, card, iban, ssn, address, tags, balance, last_login, notes) VALUES
    (1, 'Amara Osei', 'amara.osei@example.com', '+1 202-555-0143', '4242 4242 4242 4242', 'GB29 NWBK 6016 1331 9268 19',
     '536-90-4399', '{"street": "12 Harbour Row", "city": "Boston", "contact": "amara.osei@example.com"}',
     '{vip,newsletter}', 1820.50, '198.51.100.23', 'Prefers a call in the afternoon: +1 202-555-0143'),
    (2, 'Bruno Keller', 'bruno.keller@example.org', '+49 30 901820', '5555 5555 5555 4444', 'DE89 3704 0044 0532 0130 00',
     NULL, '{"street": "Lindenweg 4", "city": "Berlin"}', '{newsletter}', 74.00, '203.0.113.9', NULL),
    (3, 'Chiara Fontana', 'chiara@fontana.example', '+39 06 698 83145', '3782 822463 10005', 'IT60 X054 2811 1010 0000 0123 456',
     NULL, '{"street": "Via Roma 8", "city": "Torino"}', '{}', 0, '192.0.2.61', 'Card 3782 822463 10005 was declined on Monday'),
    (4, 'Diego Ramos', 'd.ramos@example.net', '+34 912 34 56 78', '6011 1111 1111 1117', 'ES91 2100 0418 4502 0005 1332',
     NULL, '{"street": "Calle Mayor 31", "city": "Madrid"}', '{vip}', 9120.99, '198.51.100.77', NULL),
    (5, 'Elin Nyström', 'elin.nystrom@example.se', '+46 8 506 10 00', '4000 0566 5566 5556', 'SE45 5000 0000 0583 9825 7466',
     NULL, '{"street": "Storgatan 2", "city": "Uppsala"}', '{}', 310.10, '2001:db8::41', 'Asked for the invoice by mail'),
    (6, 'Farid Haddad', 'farid.haddad@example.com', '+33 1 99 00 12 34', '5105 1051 0510 5100', 'FR14 2004 1010 0505 0001 3M02 606',
     NULL, '{"street": "Rue des Lilas 17", "city": "Lyon"}', '{newsletter}', 55.25, '203.0.113.140', NULL),
    (7, 'Grace Whitfield', 'grace.w@example.co.uk', '+44 20 7946 0958', '4111 1111 1111 1111', 'GB82 WEST 1234 5698 7654 32',
     NULL, '{"street": "3 Mill Lane", "city": "Leeds"}', '{beta}', 640.00, '192.0.2.200', 'Signs in from 192.0.2.200 only'),
    (8, 'Hiro Tanaka', 'hiro@tanaka.example', '+1 415-555-0188', '3530 1113 3330 0000', NULL,
     '219-09-9998', '{"street": "880 Pine St", "city": "San Francisco"}', '{vip,beta}', 12040.00, '198.51.100.5', NULL),
    (9, 'Ines Moreau', 'ines.moreau@example.fr', '+33 6 39 98 01 23', '4000 0025 0000 3155', 'FR76 3000 6000 0112 3456 7890 189',
     NULL, '{"street": "Quai Sud 5", "city": "Nantes"}', '{}', 18.75, '203.0.113.52', NULL),
    (10, 'Jonas Berg', 'jonas.berg@example.no', '+47 22 99 12 34', '5200 8282 8282 8210', 'NO93 8601 1117 947',
     NULL, '{"street": "Fjordveien 9", "city": "Bergen"}', '{newsletter}', 402.40, '192.0.2.17', 'Second address: jonas@berg.example'),
    (11, 'Kavya Menon', 'kavya.menon@example.in', '+91 22 5555 0123', '6200 0000 0000 0005', NULL,
     NULL, '{"street": "14 Lake View", "city": "Kochi"}', '{beta}', 77.70, '198.51.100.130', NULL),
    (12, 'Liam Byrne', 'liam.byrne@example.ie', '+353 20 910 1234', '3056 9300 0902 0004', 'IE29 AIBK 9311 5212 3456 78',
     NULL, '{"street": "Quay St 21", "city": "Galway"}', '{}', 0, '203.0.113.201', NULL);

CREATE TABLE orders (
    id integer PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES customers,
    item text NOT NULL,
    amount numeric(10, 2) NOT NULL,
    ordered_on date NOT NULL
);

INSERT INTO orders
SELECT n, (n * 7) % 12 + 1, (ARRAY['keyboard', 'monitor', 'desk lamp', 'headset', 'dock'])[n % 5 + 1],
       (n * 37) % 400 + 9.90, date '2026-01-05' + n
FROM generate_series(1, 48) AS n;
