-- Runs that did not just succeed, by what became of them: the lists of what fails, what is blocked and what runs.
CREATE INDEX runs_by_state ON runs (team, environment, status, id) WHERE status <> 'succeeded';
