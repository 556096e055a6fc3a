-- To be filled.
SELECT 1;
