-- The parameters of a query are what its callers pass: names and types stay, and each is used as it is declared.

-- case: parameter renamed
-- load raises: hub.has_quit: uses :id, which is not in the list behind its name: (hub)
-- query: hub.has_quit
- -- name: has_quit(id)$
+ -- name: has_quit(hub)$

- -- param id: identifier
+ -- param hub: identifier

-- case: parameter renamed in the SQL
-- load raises: uses :key, which is not in the list
-- query: event.read
- WHERE id = :id;
+ WHERE id = :key;

-- case: parameter added
-- load raises: declares pid and does not use it
-- query: event.read
- -- name: read(id)^
+ -- name: read(id, pid)^

  -- Read an event.
+ -- param pid: identifier

-- case: parameter lost
-- load raises: declares id and does not use it
-- query: event.read
- WHERE id = :id;
+ WHERE id = 'x';

-- case: parameter not listed
-- load raises: param pid is not in the list
-- query: event.read
  -- Read an event.
+ -- param pid: identifier

-- case: parameter retyped
-- The values would be checked by other rules.
-- load raises: event.read: its param breaks the contract (sql/contract.json): (id: text) instead of (id: identifier)
-- query: event.read
- -- param id: identifier
+ -- param id: text

-- case: parameter of unknown type
-- load raises: the unknown type uuid
-- query: event.read
- -- param id: identifier
+ -- param id: uuid

-- case: parameter in a string
-- In quotes it is text.
-- load raises: declares id and does not use it
-- query: event.read
- WHERE id = :id;
+ WHERE id = ':id';

-- case: placeholder of a driver
-- load raises: are written :name
-- query: event.read
- WHERE id = :id;
+ WHERE id = :id AND pid = %s;

-- case: question mark
-- load raises: are written :name
-- query: event.read
- WHERE id = :id;
+ WHERE id = :id AND pid = ?;

-- case: list in brackets
-- The brackets come with the list.
-- load raises: write IN :names
-- query: event.read_by_domain_and_pid_and_names
- WHERE domain = :domain AND pid = :pid AND name IN :names
+ WHERE domain = :domain AND pid = :pid AND name IN (:names)

-- case: list without in
-- load raises: write IN :names
-- query: event.read_by_domain_and_pid_and_names
- WHERE domain = :domain AND pid = :pid AND name IN :names
+ WHERE domain = :domain AND pid = :pid AND name = :names

-- case: value as a list
-- load raises: write = :pid
-- query: event.read_by_domain_and_pid_and_names
- WHERE domain = :domain AND pid = :pid AND name IN :names
+ WHERE domain = :domain AND pid IN :pid AND name IN :names
