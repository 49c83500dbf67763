! pooled.c in Fortran: a complete program that is tuned as a population (docs/fortran.md, docs/population.md).
!     mpif90 -fwrapv -I PREFIX/include/hottune/fortran pooled.f90 -lhottune_fortran $(pkg-config --libs hottune) -o pooled
!     mpirun -n 9 ./pooled           # one coordinator, eight replicas;  ./pooled alone is one replica
module training
    use, intrinsic :: iso_fortran_env, only: int64, real64
    use hottune
    implicit none
    integer, parameter :: seen = 100, n = 1000, d = 40, batch = 8, per_epoch = 13, epochs = 30
    character, parameter :: nl = new_line('a')
    character(*), parameter :: recipe = &
        'population: {mode: pooled}' // nl // 'acceptance: {epsilon: 0}' // nl // &
        'actuators: {opt: {mutations: {lr_mult: {bounds: [0.7, 1.2], range: [0.001, 3]},' // nl // &
        '                              wd_mult: {bounds: [0.5, 2.0], range: [0.0001, 1]}}}}' // nl

    ! What the library holds on to: module variables with `target` are there as long as the program.
    real(real64), target, save :: w(d), momentum(d)                         ! the training state
    real(real64), target, save :: lr = 0.01_real64, weight_decay = 0.001_real64     ! the knobs
    integer(int64), target, save :: noise           ! batches of its own for each replica: no training state
    integer(int64), target, save :: step = 0        ! so far; like the noise it belongs to the replica
    real(real64), save :: x(d, n, 3), y(n, 3)       ! training (`seen` of them), validation and test data
contains
    !> In [0, 1): SplitMix64. Integers wrap around where they overflow (-fwrapv).
    real(real64) function uniform(s)
        integer(int64), intent(inout) :: s
        integer(int64) :: z
        s = s + int(z'9E3779B97F4A7C15', int64)
        z = s
        z = ieor(z, shiftr(z, 30)) * int(z'BF58476D1CE4E5B9', int64)
        z = ieor(z, shiftr(z, 27)) * int(z'94D049BB133111EB', int64)
        uniform = real(shiftr(ieor(z, shiftr(z, 31)), 11), real64) / 9007199254740992.0_real64
    end function

    subroutine make_data(seed)
        integer(int64), intent(in) :: seed
        integer(int64) :: s
        integer :: i, j, set
        s = seed
        do set = 1, 3
            do i = 1, n
                do j = 1, d
                    x(j, i, set) = 2 * uniform(s) - 1
                end do
                y(i, set) = 0           ! four inputs matter, the others are useless
                if (uniform(s) < 1 / (1 + exp(-2 * sum([1, -1, 1, -1] * x(:4, i, set))))) y(i, set) = 1
            end do
        end do
    end subroutine

    real(real64) function predict(set, i)
        integer, intent(in) :: set, i
        predict = 1 / (1 + exp(-dot_product(w, x(:, i, set))))
    end function

    real(real64) function mean_loss(set)            ! cross entropy
        integer, intent(in) :: set
        integer :: i
        mean_loss = 0
        do i = 1, n
            mean_loss = mean_loss - log(merge(predict(set, i), 1 - predict(set, i), y(i, set) > 0)) / n
        end do
    end function

    real(real64) function train_step() result(loss)
        real(real64) :: gradient(d), p
        integer :: b, i
        gradient = 0
        loss = 0
        do b = 1, batch
            i = 1 + int(seen * uniform(noise))
            p = predict(1, i)
            loss = loss - log(merge(p, 1 - p, y(i, 1) > 0)) / batch
            gradient = gradient + (p - y(i, 1)) * x(:, i, 1) / batch
        end do
        momentum = 0.9_real64 * momentum + gradient
        w = w - lr * (momentum + weight_decay * w)
    end function

    subroutine init(seed, status)                   ! begin anew: one seed, one result
        integer(int64), intent(in) :: seed
        integer, intent(inout) :: status
        integer(int64) :: s
        integer :: j
        s = seed
        do j = 1, d
            w(j) = uniform(s) - 0.5_real64
        end do
        momentum = 0
        status = HT_OK
    end subroutine

    subroutine validate(objective, status)          ! called with the averaged weights in w
        real(real64), intent(out) :: objective
        integer, intent(inout) :: status
        objective = mean_loss(2)
        status = HT_OK
    end subroutine
end module

program pooled
    use mpi, only: MPI_Init, MPI_Finalize, MPI_COMM_WORLD
    use, intrinsic :: iso_fortran_env, only: error_unit
    use training
    implicit none
    type(ht_kernel) :: k
    integer :: status, ierr
    real(real64) :: loss
    logical :: leaves

    call MPI_Init(ierr)
    call ht_open(k, 'runs/pooled', comm=MPI_COMM_WORLD, recipe_text=recipe, seed=1_int64, max_epochs=epochs, &
                 resume=.true., status=status)
    if (status /= HT_OK) then
        write (error_unit, '(2a)') 'hottune: ', ht_message(k)
        call ht_free(k)
        call MPI_Finalize(ierr)
        stop 1
    end if
    noise = shiftl(int(ht_replica(k) + 2, int64), 32)
    call make_data(1_int64)
    call ht_knob(k, 'opt', 'lr', lr, lo=1e-4_real64, hi=10.0_real64, scale=HT_LOG)
    call ht_knob(k, 'opt', 'weight_decay', weight_decay, lo=1e-5_real64, hi=1.0_real64, scale=HT_LOG)
    call ht_training_state(k, 'w', w, weights=.true.)
    call ht_training_state(k, 'momentum', momentum)
    call ht_replica_state(k, 'noise', noise)
    call ht_replica_state(k, 'step', step)
    call ht_on_init(k, init)
    call ht_on_validate(k, validate)
    do while (ht_running(k))                        ! the first call puts everything back, if a run goes on
        loss = train_step()
        step = step + 1
        call ht_apply(k, HT_TRAIN_BATCH_END, step, loss=loss)
        if (mod(step, int(per_epoch, int64)) == 0) &    ! validates; the training may be another one when it returns
            call ht_apply(k, HT_VAL_EPOCH_END, step, epoch=real(step / per_epoch, real64))
    end do
    if (ht_is_champion(k)) then
        call ht_show_best(k, status)
        if (status == HT_OK) print '(a, i0, 2(a, f6.4))', 'champion: replica ', ht_replica(k), ', validation ', &
            mean_loss(2), ', test ', mean_loss(3)
    end if
    call ht_close(k, status)
    leaves = ht_has_left(k)
    call ht_free(k)
    call MPI_Finalize(ierr)
    if (status /= HT_OK) stop 1
    if (leaves) stop 75                             ! start me again
end program
