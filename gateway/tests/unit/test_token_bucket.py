from gateway.clients.token_bucket import MAX_KEYS, TokenBucket


def test_a_burst_is_let_through_and_then_one_a_second():
    bucket = TokenBucket(burst=3, per_second=1)
    assert [bucket.take("a", 0.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.take("a", 1.0)
    assert not bucket.take("a", 1.0)


def test_addresses_do_not_use_up_one_anothers_share():
    bucket = TokenBucket(burst=1, per_second=1)
    assert bucket.take("a", 0.0)
    assert bucket.take("b", 0.0)


def test_memory_stays_bounded_however_many_addresses_ask():
    bucket = TokenBucket()
    for number in range(MAX_KEYS + 100):
        bucket.take(str(number), 0.0)
    assert len(bucket._levels) == MAX_KEYS


def test_what_is_given_back_does_not_count():
    bucket = TokenBucket(burst=1, per_second=1)
    for _ in range(5):
        assert bucket.take("a", 0.0)
        bucket.give_back("a")
    assert bucket.take("a", 0.0)
    assert not bucket.take("a", 0.0)


def test_giving_back_never_adds_to_the_burst():
    bucket = TokenBucket(burst=1, per_second=1)
    bucket.take("a", 0.0)
    bucket.give_back("a")
    bucket.give_back("a")
    bucket.give_back("never asked")
    assert bucket.take("a", 0.0)
    assert not bucket.take("a", 0.0)


def test_what_costs_more_takes_more_and_is_had_all_or_not_at_all():
    bucket = TokenBucket(burst=5, per_second=1)
    assert bucket.take("a", 0.0, 3)
    assert not bucket.take("a", 0.0, 3)
    assert bucket.take("a", 0.0, 2)
    assert bucket.take("a", 3.0, 3)
