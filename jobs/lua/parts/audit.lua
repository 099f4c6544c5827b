-- Part: who did what, for the audit page.

local AUDITED = 100000  -- entries at most, about; jobs/retention.py keeps fewer

local function audit(actor, action, subject, detail)
  redis.call('XADD', 'ns:audit', 'MAXLEN', '~', AUDITED, '*',
    'actor', actor, 'action', action, 'subject', subject, 'detail', detail)
end
