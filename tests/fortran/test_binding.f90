! tests/fortran/test_binding.f90 - what the module hands to C arrives in the members of C's structs (seen.c looks), and back.
module told
    use, intrinsic :: iso_fortran_env, only: real64
    use hottune
    implicit none
    character(:), allocatable, save :: plan, warning
    type(ht_progress), save :: progress
contains
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
