! tests/fortran/twin.f90 - the training of tests/python/twin.c in Fortran, operation by operation.
!   twin DIR independent|pooled RECIPE
module training
    use, intrinsic :: iso_fortran_env, only: int64, real64, error_unit
    use hottune
    implicit none
    integer, parameter :: per_epoch = 4, epochs = 12, d = 4
    real(real64), target, save :: w(d), momentum(d), lr = 0.02_real64, aux = 1
    integer(int64), target, save :: noise
contains
    !> In [0, 1): SplitMix64. Sums and products that overflow wrap around (-fwrapv).
    real(real64) function uniform(s)
        integer(int64), intent(inout) :: s
        integer(int64) :: z
        s = s + int(z'9E3779B97F4A7C15', int64)
        z = s
        z = ieor(z, shiftr(z, 30)) * int(z'BF58476D1CE4E5B9', int64)
        z = ieor(z, shiftr(z, 27)) * int(z'94D049BB133111EB', int64)
        uniform = real(shiftr(ieor(z, shiftr(z, 31)), 11), real64) / 9007199254740992.0_real64
    end function

    subroutine init(seed, status)
        integer(int64), intent(in) :: seed
        integer, intent(inout) :: status
        integer(int64) :: s
        integer :: i
        s = seed
        do i = 1, d
            w(i) = 2 * uniform(s) - 1
            momentum(i) = 0
        end do
        status = HT_OK
    end subroutine

    subroutine validate(objective, status)
        real(real64), intent(out) :: objective
        integer, intent(inout) :: status
        integer :: i
        objective = 0
        do i = 1, d
            objective = objective + i * w(i) * w(i)
        end do
        status = HT_OK
    end subroutine

    real(real64) function train_step() result(loss)
        real(real64) :: steep, slope
        integer :: i
        loss = 0
        do i = 1, d
            steep = i * w(i)
            slope = steep + 0.5_real64 * (uniform(noise) - 0.5_real64)
            loss = loss + steep * w(i)
            momentum(i) = 0.5_real64 * momentum(i) + slope
            w(i) = w(i) - lr * (momentum(i) + 0.01_real64 * aux * w(i))
        end do
    end function

    subroutine train(k, pooled)
        type(ht_kernel), intent(inout) :: k
        logical, intent(in) :: pooled
        integer(int64) :: step
        integer :: st
        real(real64) :: objective, loss
        st = HT_OK
        call init(5_int64, st)
        noise = shiftl(int(ht_replica(k) + 2, int64), 32)
        call ht_knob(k, 'opt', 'lr', lr, lo=1e-3_real64, hi=2.0_real64, scale=HT_LOG)
        call ht_knob(k, 'loss', 'aux', aux, lo=0.0_real64, hi=100.0_real64)
        if (pooled) then
            call ht_training_state(k, 'w', w, weights=.true.)
            call ht_training_state(k, 'momentum', momentum)
            call ht_on_init(k, init)
            call ht_on_validate(k, validate)
        end if
        step = 0
        do while (ht_running(k))
            step = step + 1
            loss = train_step()
            call ht_apply(k, HT_TRAIN_BATCH_END, step, loss=loss)
            if (mod(step, int(per_epoch, int64)) /= 0) cycle
            call validate(objective, st)
            if (.not. pooled) call ht_metric(k, 'val/loss', objective)
            call ht_apply(k, HT_VAL_EPOCH_END, step, epoch=real(step / per_epoch, real64))
        end do
    end subroutine
end module

program twin
    use mpi, only: MPI_Init, MPI_Finalize, MPI_COMM_WORLD
    use training
    implicit none
    type(ht_kernel) :: k
    character(4096) :: dir, kind, recipe
    integer :: st, ierr
    call get_command_argument(1, dir)
    call get_command_argument(2, kind)
    call get_command_argument(3, recipe)
    call MPI_Init(ierr)
    call ht_open(k, dir, comm=MPI_COMM_WORLD, seed=11_int64, recipe_text=recipe, max_epochs=epochs, &
        max_steps=int(epochs * per_epoch, int64), status=st)
    if (st == HT_OK) then
        call train(k, kind == 'pooled')
        call ht_close(k, st)
    end if
    if (st /= HT_OK) write (error_unit, '(2a)') 'twin: ', ht_message(k)
    call ht_free(k)
    call MPI_Finalize(ierr)
    if (st /= HT_OK) stop 1
end program
