//! Readers that are too many, too slow, or gone.

use http_body::Body;
use tokio::time::Instant;

use super::*;

#[tokio::test(start_paused = true)]
async fn the_sixty_fifth_reader_is_asked_to_come_later_and_finds_room_once_one_is_gone() {
    let (status, _) = search();
    let mut readers = Vec::new();
    for _ in 0..64 {
        readers.push(Reader::greeted(&status).await);
    }
    assert_eq!(status.readers(), 64);
    let refused = get(&status, "/events").await;
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "5");
    let answer = json(refused).await;
    assert!(detail(&answer).contains("64"), "{}", detail(&answer));
    assert_eq!(get(&status, "/").await.status(), 200, "only of the events");

    readers.pop();
    assert_eq!(status.readers(), 63);
    Reader::greeted(&status).await;
    readers[0].wait_for("overview").await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_does_not_read_is_dropped_after_half_a_minute_and_others_are_not() {
    let (status, _) = search();
    let mut idle = Reader::greeted(&status).await;
    let mut reader = Reader::greeted(&status).await;
    for _ in 0..14 {
        reader.wait_for("overview").await;
    }
    assert_eq!(status.readers(), 2, "28 seconds");
    for _ in 0..4 {
        reader.wait_for("overview").await;
    }
    assert_eq!(status.readers(), 1);
    assert!(idle.body.is_end_stream());
    assert_eq!(
        idle.next_or_end().await,
        None,
        "and what waited for it is gone"
    );
    reader.wait_for("overview").await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_for_whom_too_much_waits_is_dropped_at_once() {
    let (status, search) = search();
    let idle = Reader::greeted(&status).await;
    let mut reader = Reader::greeted(&status).await;
    let mut seconds = 0;
    while status.readers() == 2 {
        for _ in 0..25 {
            search.force_open("on");
            search.clear();
        }
        settle().await;
        for _ in 0..50 {
            reader.wait_for("change").await;
        }
        sleep(SECOND).await;
        seconds += 1;
        assert!(seconds < 10, "fifty a second");
    }
    assert!(seconds >= 5, "256 pieces may wait");
    assert!(idle.body.is_end_stream());
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_waits_is_woken() {
    let (status, search) = search();
    let mut reader = Reader::greeted(&status).await;
    let waiting = tokio::spawn(async move { reader.wait_for("change").await });
    settle().await;
    let before = Instant::now();
    trip(&search, "acme");
    assert_eq!(waiting.await.unwrap()["tenant"], "acme");
    assert_eq!(Instant::now(), before, "it is woken");
}

#[tokio::test(start_paused = true)]
async fn each_event_is_written_once_for_all_readers() {
    let (status, search) = search();
    let mut readers = Vec::new();
    for _ in 0..3 {
        readers.push(Reader::greeted(&status).await);
    }
    trip(&search, "acme");
    settle().await;
    let mut places = Vec::new();
    for reader in &mut readers {
        let mut pieces = Vec::new();
        while pieces.len() < 3 {
            let frame = reader.body.frame().await.unwrap().unwrap();
            pieces.push(frame.into_data().unwrap());
        }
        assert!(pieces[0].starts_with(b"event: change"));
        assert!(pieces[1].starts_with(b"event: overview"));
        places.push(
            pieces
                .iter()
                .map(|piece| piece.as_ptr().addr())
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(places[0], places[1]);
    assert_eq!(places[0], places[2]);
}
