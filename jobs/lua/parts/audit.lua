-- Part: who did what, for the audit page.

local AUDITED = 10000  -- entries kept, about

local function audit(actor, action, subject, detail)
  redis.call('XADD', 'ns:audit', 'MAXLEN', '~', AUDITED, '*',
    'actor', actor, 'action', action, 'subject', subject, 'detail', detail)
end
