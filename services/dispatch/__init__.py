"""dispatch (봉사 배치): volunteer tasks, shifts with seats, sign-ups, and the personal data of volunteers."""
