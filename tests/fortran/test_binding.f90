! tests/fortran/test_binding.f90 - what the module hands to C arrives in the members of C's structs (seen.c looks), and back.
module told
    use, intrinsic :: iso_fortran_env, only: int8, int64, real64
    use hottune
    implicit none
    character(:), allocatable, save :: plan, warning, word
    type(ht_progress), save :: progress
    real(real64), save :: number
    integer(int64), save :: whole
    logical, save :: switch = .false.
    character(3), save :: part = 'abc'
contains
    subroutine take_number(value, status)
        real(real64), intent(in) :: value
        integer, intent(inout) :: status
        number = value
        status = HT_EREFUSED
    end subroutine
    subroutine tell_number(value)
        real(real64), intent(out) :: value
        value = 0.75_real64
    end subroutine
    subroutine take_whole(value, status)
        integer(int64), intent(in) :: value
        integer, intent(inout) :: status
        whole = value
        status = HT_EREFUSED
    end subroutine
    subroutine take_switch(value, status)
        logical, intent(in) :: value
        integer, intent(inout) :: status
        switch = value
        status = HT_EREFUSED
    end subroutine
    subroutine take_word(value, status)
        character(*), intent(in) :: value
        integer, intent(inout) :: status
        word = value
        status = HT_EREFUSED
    end subroutine
    subroutine fetch(to, status)
        integer(int8), intent(out) :: to(:)
        integer, intent(inout) :: status
        to = transfer(part, to)
        if (size(to) /= 3) status = HT_EFAILED
    end subroutine
    subroutine store(from, status)
        integer(int8), intent(in) :: from(:)
        integer, intent(inout) :: status
        part = transfer(from, part)
        status = HT_EFAILED
    end subroutine
    subroutine source(name, value, known)
        character(*), intent(in) :: name
        real(real64), intent(out) :: value
        logical, intent(inout) :: known
        value = 4.5_real64
        known = name == 'val/loss'
    end subroutine
    subroutine take_plan(text)
        character(*), intent(in) :: text
        plan = text
    end subroutine
    subroutine take_warning(text)
        character(*), intent(in) :: text
        warning = text
    end subroutine
    subroutine take_progress(p)
        type(ht_progress), intent(in) :: p
        progress = p
    end subroutine
end module

program test_binding
    use, intrinsic :: iso_c_binding, only: c_int
    use, intrinsic :: iso_fortran_env, only: int32, int64, real64
    use told
    implicit none
    integer :: failures = 0
    integer(c_int), target, volatile, save :: leave = 15
    real(real64), target, save :: w(2, 3) = reshape([1, 2, 3, 4, 5, 6], [2, 3])
    integer(int32), target, save :: step = 7
    real(real64), target, save :: lr(2) = [0.5_real64, 0.25_real64], wd(2) = [0.0_real64, 0.125_real64]
    real(real64), target, save :: betas(2, 2) = reshape([0.0_real64, 0.0_real64, 0.75_real64, 0.875_real64], [2, 2])
    type(ht_kernel) :: k
    type(ht_result) :: r
    integer :: status

    call ht_open(k, 'dir', recipe='recipe  ', recipe_text='text', study='study', name='name', seed=shiftl(1_int64, 40), &
        max_steps=shiftl(1_int64, 41), max_epochs=4, ranks_per_replica=3, recipe_set='set', recipe_unless_given='unless', &
        ema_every=5, check_transfers=.true., plan=take_plan, mode='mode', replay='replay', resume=.true., program='program', &
        checkpoint_s=6.5_real64, checkpoint_bytes=shiftl(1_int64, 42), leave=leave, end_time=7.5_real64, &
        patience_s=8.5_real64, fail_on_error=.true., warning=take_warning, progress=take_progress, status=status)
    call check(status == HT_EREFUSED, 'every option arrives')
    call check(plan == 'the plan' .and. warning == 'the warning', 'texts come back')
    call check(progress%step == 1 .and. progress%epoch == 2 .and. progress%max_steps == 3 .and. progress%replicas == 4 .and. &
        progress%training == 5 .and. is(progress%best, 6.5_real64) .and. progress%accepted == 7 .and. &
        progress%rejected == 8 .and. is(progress%elapsed_s, 9.5_real64), 'progress comes back')
    call check(progress%lost == 10 .and. progress%best_replica == 11 .and. progress%islands == 12 .and. &
        is(progress%done, 0.5_real64) .and. is(progress%epochs, 13.5_real64) .and. is(progress%epochs_total, 14.5_real64) .and. &
        is(progress%utilisation, 0.25_real64), 'all of it')
    call check(.not. ht_running(k), 'a kernel that is not open does not run')
    call check(.not. ht_is_champion(k), 'a kernel that is not open is no champion')
    call check(ht_replica(k) == -1, 'a kernel that is not open is no replica')

    call ht_apply(k, HT_VAL_EPOCH_END, shiftl(1_int64, 40), epoch=2.5_real64, loss=3.5_real64, max_steps=shiftl(1_int64, 41), &
        anomaly_critical=.true., grad_spike=.true., phase='val', status=status)
    call check(status == HT_EREFUSED, 'all that a safe point says arrives')
    call ht_training_state(k, 'w', w, weights=.true., average=.false., status=status)
    call check(status == HT_EREFUSED, 'an array arrives where it lies, in the order of its elements')
    call ht_replica_state(k, 'step', step, status=status)
    call check(status == HT_EREFUSED, 'a scalar arrives where it lies')
    call ht_training_state(k, 'row', w(1, :), status=status)
    call check(status == HT_EINVAL, 'a row of a matrix is refused')
    call check(index(ht_message(k), "'row' is not contiguous") == 1, 'the message names the array')

    call ht_knob(k, 'opt', 'it', 0.5_real64, take_number, lo=0.125_real64, hi=2.0_real64, scale=HT_LOG, get=tell_number, &
        metric='metric', status=status)
    call check(status == HT_EREFUSED .and. is(number, 0.25_real64), 'a number behind a procedure is set by it and read by one')
    call ht_knob(k, 'opt', 'it', 3_int64, take_whole, lo=1_int64, hi=shiftl(1_int64, 50), status=status)
    call check(status == HT_EREFUSED .and. whole == shiftl(1_int64, 40), 'an integer behind a procedure is set by it')
    call ht_knob(k, 'opt', 'it', .false., take_switch, status=status)
    call check(status == HT_EREFUSED .and. switch, 'a switch behind a procedure is set by it')
    call ht_knob(k, 'opt', 'it', 'sgd ', take_word, ['sgd ', 'adam'], status=status)
    call check(status == HT_EREFUSED .and. word == 'adam', 'one of some words is set by its procedure')
    call ht_optimizer(k, 'opt', lr, weight_decay=wd, betas=betas, status=status)
    call check(status == HT_EREFUSED, 'groups of an optimizer arrive where they lie')
    call ht_optimizer(k, 'opt', lr, weight_decay=wd(:1), status=status)
    call check(status == HT_EINVAL, 'groups of different numbers are refused')
    call check(index(ht_message(k), "optimizer 'opt': for n groups") == 1, 'the message names the optimizer')
    call ht_training_part(k, 'part', 3_int64, fetch, store, status)
    call check(status == HT_EREFUSED .and. part == 'xyz', 'bytes are fetched and stored by procedures')
    call ht_metric_source(k, source, status)
    call check(status == HT_EREFUSED, 'a metric is asked for by its name')
    call ht_result_of(k, r, status)
    call check(status == HT_EREFUSED .and. r%mutations == 1 .and. r%accepted == 2 .and. r%rejected == 3 .and. &
        is(r%best, 4.5_real64) .and. r%best_step == 5 .and. r%best_replica == 6 .and. is(r%val, 7.5_real64) .and. &
        is(r%test, 8.5_real64) .and. r%lost == 9, 'a result comes back')
    call check(ht_message(k) == '', 'a refusal is forgotten with the next call')
    call check(ht_status_text(HT_ENOMEM) == 'out of memory', 'a status has its text')
    call check(ht_status_text(HT_ECOMM) == 'a message between ranks failed or is malformed', &
        'the last status has its text')
    call ht_metric(k, 'val/loss', 1.0_real64, status)
    call check(status == HT_EINVAL, 'the library refuses a kernel that is not open')
    call ht_free(k)
    call ht_free(k)
    if (failures > 0) stop 1
contains
    subroutine check(holds, what)
        logical, intent(in) :: holds
        character(*), intent(in) :: what
        if (holds) return
        failures = failures + 1
        print '(2a)', 'FAILED: ', what
    end subroutine

    logical function is(x, y)       ! exactly
        real(real64), intent(in) :: x, y
        is = transfer(x, 0_int64) == transfer(y, 0_int64)
    end function
end program
