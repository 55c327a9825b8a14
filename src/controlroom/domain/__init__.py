"""Pure values and functions of the programme: no I/O, no clock, no client library.

Instants are timezone-aware datetimes in UTC; wall times are (local date, local time, IANA zone);
durations are seconds unless a name says otherwise. `now` is always an argument.
"""
