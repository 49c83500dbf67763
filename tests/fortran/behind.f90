! tests/fortran/behind.f90 DIR - runs whose knobs and state lie behind procedures: the library changes them, and back.
module toy
    use, intrinsic :: iso_fortran_env, only: int8, int64, real64
    use hottune
    implicit none
    real(real64), target, save :: lr(2) = [0.5_real64, 0.25_real64]     ! the groups of an optimizer
    real(real64), save :: dropout = 0.5_real64, loss = 4, position = 0
    integer, save :: asked = 0
contains
    subroutine set_dropout(value, status)
        real(real64), intent(in) :: value
        integer, intent(inout) :: status
        dropout = value
        if (value > 1) status = HT_EFAILED
    end subroutine
    subroutine read_loss(name, value, known)
        character(*), intent(in) :: name
        real(real64), intent(out) :: value
        logical, intent(inout) :: known
        value = loss
        known = name == 'val/loss'
        if (known) asked = asked + 1
    end subroutine
    subroutine fetch(to, status)
        integer(int8), intent(out) :: to(:)
        integer, intent(inout) :: status
        to = transfer(position, to)
        if (size(to) /= 8) status = HT_EFAILED
    end subroutine
    subroutine store(from, status)
        integer(int8), intent(in) :: from(:)
        integer, intent(inout) :: status
        position = transfer(from, position)
        if (size(from) /= 8) status = HT_EFAILED
    end subroutine
    subroutine init(seed, status)
        integer(int64), intent(in) :: seed
        integer, intent(inout) :: status
        position = 10
        if (seed == 0) status = HT_EFAILED
    end subroutine
    subroutine validate(objective, status)
        real(real64), intent(out) :: objective
        integer, intent(inout) :: status
        objective = position ** 2
        status = HT_OK
    end subroutine
end module

program behind
    use toy
    implicit none
    character(1), parameter :: nl = new_line('a')
    character(*), parameter :: halve = 'acceptance: {epsilon: 0}' // nl // &
        'actuators: {opt: {mutations: {lr_mult: {bounds: [0.5, 0.5]}}}, reg: {mutations: {dropout_mult: {bounds: [0.5, 0.5]}}}}'
    character(*), parameter :: pooled = 'population: {mode: pooled}' // nl // 'acceptance: {epsilon: 0}' // nl // &
        'actuators: {reg: {mutations: {dropout_mult: {bounds: [0.7, 1.3], range: [0.01, 0.9]}}}}'
    type(ht_kernel) :: k
    character(300) :: dir
    real(real64) :: before(3)
    integer(int64) :: step
    integer :: status, i
    call get_command_argument(1, dir)

    ! independent: what is better is kept, what is worse is taken back
    call ht_open(k, trim(dir) // '/independent', recipe_text=halve, max_steps=40_int64, status=status)
    call check(status == HT_OK, 'it opens')
    call ht_optimizer(k, 'opt', lr, status=status)
    call check(status == HT_OK, 'an optimizer is registered')
    call ht_knob(k, 'reg', 'dropout', dropout, set_dropout, lo=0.0_real64, hi=1.0_real64, status=status)
    call check(status == HT_OK, 'a knob behind a procedure is registered')
    call ht_metric_source(k, read_loss, status)
    call check(status == HT_OK, 'a source of metrics is registered')
    do step = 1, 8
        loss = loss / 2
        if (step == 8) before = [lr, dropout]       ! what step 7 tried is found good now, what is tried now will not be
        call ht_apply(k, HT_VAL_EPOCH_END, step, epoch=real(step, real64))
    end do
    call check(asked > 0, 'the source is asked')
    call check(lr(1) < 0.2_real64 .and. dropout < 0.3_real64, 'both were made smaller, and that was kept')
    call check(abs(lr(2) / lr(1) - 0.5_real64) < 1e-12_real64, 'every group was changed by the same factor')
    do step = 9, 12
        loss = loss * 2
        call ht_apply(k, HT_VAL_EPOCH_END, step, epoch=real(step, real64))
    end do
    call ht_free(k)
    call check(all(abs([lr, dropout] - before) < 1e-12_real64), 'what made it worse was taken back')

    ! pooled: the state is bytes that procedures hand over
    call ht_open(k, trim(dir) // '/pooled', recipe_text=pooled, max_epochs=12, seed=3_int64, status=status)
    call ht_knob(k, 'reg', 'dropout', 0.5_real64, set_dropout, lo=0.0_real64, hi=1.0_real64, scale=HT_LOG, status=status)
    call ht_training_part(k, 'position', 8_int64, fetch, store, status)
    call check(status == HT_OK, 'a part of the state is registered')
    call ht_on_init(k, init)
    call ht_on_validate(k, validate)
    step = 0
    do while (ht_running(k))
        do i = 1, 4
            step = step + 1
            position = position * (1 - 0.1_real64 * dropout)
            call ht_apply(k, HT_TRAIN_BATCH_END, step)
        end do
        call ht_apply(k, HT_VAL_EPOCH_END, step, epoch=real(step / 4, real64))
    end do
    call check(ht_is_champion(k), 'one replica is the champion')
    call check(position > 0 .and. position < 9, 'it has learned from where init puts it')
    call ht_close(k, status)
    call check(status == HT_OK, 'it closes')
    call ht_free(k)
contains
    subroutine check(holds, what)
        logical, intent(in) :: holds
        character(*), intent(in) :: what
        if (holds) return
        print '(2a)', 'FAILED: ', what
        stop 1
    end subroutine
end program
