from gateway.clients.token_bucket import MAX_KEYS, TokenBucket


def test_burst_is_allowed_and_then_one_per_second():
    bucket = TokenBucket(burst=3, per_second=1)
    assert [bucket.take("a", 0.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.take("a", 1.0)
    assert not bucket.take("a", 1.0)


def test_each_address_has_its_own_share():
    bucket = TokenBucket(burst=1, per_second=1)
    assert bucket.take("a", 0.0)
    assert bucket.take("b", 0.0)


def test_memory_is_bounded_for_any_number_of_addresses():
    bucket = TokenBucket()
    for number in range(MAX_KEYS + 100):
        bucket.take(str(number), 0.0)
    assert len(bucket._levels) == MAX_KEYS


def test_returned_token_does_not_count():
    bucket = TokenBucket(burst=1, per_second=1)
    for _ in range(5):
        assert bucket.take("a", 0.0)
        bucket.give_back("a")
    assert bucket.take("a", 0.0)
    assert not bucket.take("a", 0.0)


def test_returned_tokens_never_exceed_the_burst():
    bucket = TokenBucket(burst=1, per_second=1)
    bucket.take("a", 0.0)
    bucket.give_back("a")
    bucket.give_back("a")
    bucket.give_back("never asked")
    assert bucket.take("a", 0.0)
    assert not bucket.take("a", 0.0)


def test_higher_cost_takes_more_tokens_or_none():
    bucket = TokenBucket(burst=5, per_second=1)
    assert bucket.take("a", 0.0, 3)
    assert not bucket.take("a", 0.0, 3)
    assert bucket.take("a", 0.0, 2)
    assert bucket.take("a", 3.0, 3)
